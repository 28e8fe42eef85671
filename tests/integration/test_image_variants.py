"""Variants of TIFF and BMP over HTTP: the pixels are right, or the error names the variant."""

from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.bmp_files import BmpFile, pack_rows, place_in_masks
from support.moto_cloud import Cloud
from support.thorough import every
from support.tiff_files import TiffFile

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


def write_rgb(value_bits: int, **more: Any) -> bytes:
    """Return a TIFF in RGB."""
    rows = [[[round(value / 255 * ((1 << value_bits) - 1)) for value in color] for color in row] for row in COLORS]
    return TiffFile(rows=rows, bits=value_bits, photometric=2, **more).encode()


def write_gray(bits: int, **more: Any) -> bytes:
    """Return a TIFF of one channel: a gradient."""
    highest = (1 << bits) - 1
    rows = [[[round(color[0] / 255 * highest)] for color in row] for row in COLORS]
    return TiffFile(rows=rows, bits=bits, **more).encode()


@pytest.mark.parametrize("order", every(2, ["<", ">"]))
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("big", every(2, [False, True]))
def test_tiff_in_sixteen_bits(cloud: Cloud, order: str, *, planar: bool, big: bool) -> None:
    """In both byte orders, in one plane or three, as TIFF or BigTIFF."""
    assert_corners(process(cloud, write_rgb(16, order=order, planar=planar, big=big)))


@pytest.mark.parametrize("bits", [8, 12, 16, 32])
@pytest.mark.parametrize("photometric", [0, 1])
def test_gray_tiff(cloud: Cloud, bits: int, photometric: int) -> None:
    """Of any depth, with white or black as zero."""
    image = process(cloud, write_gray(bits, photometric=photometric))
    levels = [image.getpixel(place) for place in ((0, 0), (WIDTH // 2, HEIGHT // 2), (WIDTH - 1, HEIGHT - 1))]
    expected = [0, 130, 255] if photometric else [255, 125, 0]
    assert all(abs(a - b) <= 1 for a, b in zip(levels, expected, strict=True)), levels  # type: ignore[operator] # gray


@pytest.mark.parametrize("scale", [1, 257])
def test_tiff_with_a_palette(cloud: Cloud, scale: int) -> None:
    """Color maps have 16 bits, but some programs write 8."""
    color_map = [value * scale for part in range(3) for value in (range(256) if part < 2 else range(255, -1, -1))]
    assert_corners(process(cloud, write_gray(8, photometric=3, tags={320: (3, color_map)})))


@pytest.mark.parametrize(
    ("change", "name"), [({"compression": 34887}, "LERC"), ({"tags": {50706: (1, (1, 4))}}, "DNG")]
)
def test_unsupported_tiff_is_named(cloud: Cloud, change: dict[str, Any], name: str) -> None:
    """It is neither damaged nor something else than an image."""
    job = cloud.submit(TiffFile(**{"rows": [[[0]] * 8] * 8, "strips": [bytes(64)] * 2, **change}).encode())
    assert cloud.deliver(cloud.receive()) == []
    error = cloud.call("GET", f"/v1/jobs/{job['id']}").json["error"]
    assert error["code"] == "UNSUPPORTED_FLAVOR"
    assert name in error["message"]


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
