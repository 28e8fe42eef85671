"""Variants of TIFF and BMP over HTTP: the pixels are right, or the error names the variant."""

import pytest
from PIL import Image
from support import sample_images
from support.bmp_files import BmpFile, pack_rows, place_in_masks
from support.moto_cloud import Cloud

#: Red, green, blue at the top left corner, the center and the bottom right corner.
CORNERS = ((0, 0, 255), (130, 130, 125), (255, 255, 0))
WIDTH, HEIGHT = 64, 48
COLORS = [[(value := round(255 * x / (WIDTH - 1)), value, 255 - value) for x in range(WIDTH)] for _ in range(HEIGHT)]


def process(cloud: Cloud, data: bytes) -> Image.Image:
    """Convert a file to PNG over HTTP and return the result."""
    job = cloud.submit(data, query={"pipeline": '{"operations": [], "outputs": [{"format": "png"}]}'})
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert done["status"] == "COMPLETED", done["error"]
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    return sample_images.decode(data)


def assert_corners(image: Image.Image, tolerance: int = 3) -> None:
    """Compare three pixels with ``CORNERS``."""
    assert image.mode == "RGB"
    for place, expected in zip(((0, 0), (WIDTH // 2, HEIGHT // 2), (WIDTH - 1, HEIGHT - 1)), CORNERS, strict=True):
        found = image.getpixel(place)
        assert all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True)), (place, found)  # type: ignore[arg-type] # RGB


def make_bmp(masks: tuple[int, int, int, int], bits: int, alpha: int) -> bytes:
    """Return a BMP with a V5 header and bit fields."""
    rows = [[place_in_masks((*color, alpha), masks) for color in row] for row in COLORS]
    return BmpFile(
        width=WIDTH, height=HEIGHT, bits=bits, body=pack_rows(rows, bits), header_bytes=124, compression=3, masks=masks
    ).encode()


def test_bmp_without_alpha_values_is_opaque(cloud: Cloud) -> None:
    """Alpha that is zero everywhere means no alpha."""
    assert_corners(process(cloud, make_bmp((0xFF0000, 0xFF00, 0xFF, 0xFF000000), 32, 0)))


def test_bmp_with_four_bits_per_channel(cloud: Cloud) -> None:
    """Each value has the precision of its mask."""
    assert_corners(process(cloud, make_bmp((0xF00, 0xF0, 0xF, 0xF000), 16, 255)), tolerance=9)


def test_unsupported_variant_has_its_own_code(cloud: Cloud) -> None:
    """The message names the variant and the remedy."""
    job = cloud.submit(BmpFile(width=8, height=8, bits=0, body=b"\xff\xd8\xff", compression=4).encode())
    assert cloud.deliver(cloud.receive()) == []
    error = cloud.call("GET", f"/v1/jobs/{job['id']}").json["error"]
    assert (error["code"], error["retriable"]) == ("UNSUPPORTED_FLAVOR", False)
    assert error["message"] == "BMP files that contain a JPEG are not supported. Send the JPEG itself."


@pytest.mark.parametrize("cut", [10, 100, 400])
def test_incomplete_bmp_is_called_truncated(cloud: Cloud, cut: int) -> None:
    """Not damaged, and not something else than an image."""
    job = cloud.submit(make_bmp((0xF00, 0xF0, 0xF, 0xF000), 16, 255)[:-cut])
    assert cloud.deliver(cloud.receive()) == []
    assert cloud.call("GET", f"/v1/jobs/{job['id']}").json["error"]["code"] == "TRUNCATED_IMAGE"
