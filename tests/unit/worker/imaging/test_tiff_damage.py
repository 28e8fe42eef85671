"""TIFF files whose strips have wrong sizes, whose planes are incomplete, or whose fax lines are damaged."""

import struct
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops
from support import sample_images
from support.tiff_files import DEFLATE, LZW, NONE, PACK_BITS, TiffFile

from shared.errors import ImageError
from worker.imaging import Limits
from worker.imaging.decode import decode as decode_file
from worker.imaging.decode import open_image

LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
ROWS = [[[(7 * x + 13 * y) % 256] for x in range(40)] for y in range(30)]
FAX = "Lines of the fax are damaged or missing. They may look wrong."
SIZES = "The sizes of the strips or tiles in the TIFF are wrong and were ignored."
BILEVEL = sample_images.draw_scene().resize((200, 150)).convert("1")
GROUP_3, GROUP_4 = 3, 4
FAX_OPTIONS: dict[int, dict[str, Any]] = {GROUP_3: {"compression": "group3"}, GROUP_4: {"compression": "group4"}}


def decode(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the decoded image and the warnings."""
    decoded = decode_file(open_image(data, LIMITS))
    return decoded.image, decoded.warnings


def is_equal(first: Image.Image, second: Image.Image) -> bool:
    """Return True if all pixels are equal."""
    return ImageChops.difference(first, second).getbbox() is None


def encode_fax(compression: int) -> bytes:
    """Return the only strip of ``BILEVEL``."""
    target = BytesIO()
    BILEVEL.save(target, "TIFF", strip_size=10**6, **FAX_OPTIONS[compression])
    data = target.getvalue()
    image = Image.open(BytesIO(data))
    (start,), (size,) = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined] # of TIFF files
    return data[start : start + size]


def make_fax(compression: int, strip: bytes, **changes: Any) -> bytes:
    """Return a TIFF with a strip of fax."""
    rows = [[[0]] * 200] * 150
    values = {"rows": rows, "bits": 1, "photometric": 1, "compression": compression, "rows_per_strip": 150}
    return TiffFile(**{**values, "strips": [strip], **changes}).encode()


@pytest.mark.parametrize("compression", [LZW, DEFLATE, PACK_BITS])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("sizes", ["missing", "zero", "one zero", "too small", "too large"])
@pytest.mark.parametrize("bits", [8, 12])
def test_wrong_sizes_of_strips_do_not_matter(
    compression: int, tile: tuple[int, int] | None, sizes: str, bits: int
) -> None:
    """A strip extends to the next one, or to the end of the file."""
    usual: dict[str, Any] = {"rows": ROWS, "bits": bits, "compression": compression, "tile": tile}
    whole, _ = decode(TiffFile(**usual).encode())
    count = 6
    wrong = {"missing": (), "zero": (0,) * count, "one zero": (0, *(60_000,) * (count - 1))}
    wrong |= {"too small": (3,) * count, "too large": (60_000,) * count}
    image, warnings = decode(TiffFile(**usual, sizes=wrong[sizes]).encode())
    assert is_equal(image, whole)
    assert warnings == ((SIZES,) if sizes == "too small" else ())


@pytest.mark.parametrize("compression", [GROUP_3, GROUP_4])
@pytest.mark.parametrize("sizes", [(), (0,), (5,)])
def test_wrong_size_of_a_fax_does_not_matter(compression: int, sizes: tuple[int, ...]) -> None:
    """Libtiff does not fail if a fax is too short."""
    strip = encode_fax(compression)
    whole, warnings = decode(make_fax(compression, strip))
    assert is_equal(whole, BILEVEL.convert("L"))
    assert warnings == ()
    image, _ = decode(make_fax(compression, strip, sizes=sizes))
    assert is_equal(image, whole)


@pytest.mark.parametrize("compression", [GROUP_3, GROUP_4])
@pytest.mark.parametrize("photometric", [0, 1])
def test_intact_fax_gives_no_warning(compression: int, photometric: int) -> None:
    """Whatever a zero means."""
    image, warnings = decode(make_fax(compression, encode_fax(compression), photometric=photometric))
    expected = BILEVEL.convert("L")
    assert is_equal(image, expected if photometric else ImageChops.invert(expected))
    assert warnings == ()


@pytest.mark.parametrize("compression", [GROUP_3, GROUP_4])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.8])
def test_damaged_fax_gives_a_warning(compression: int, place: float) -> None:
    """Fax machines show damaged pages too, but not in silence."""
    strip = bytearray(encode_fax(compression))
    at = int(len(strip) * place)
    strip[at : at + 6] = bytes(value ^ 0x5A for value in strip[at : at + 6])
    _, warnings = decode(make_fax(compression, bytes(strip)))
    assert FAX in warnings


@pytest.mark.parametrize("compression", [GROUP_3, GROUP_4])
def test_fax_that_is_cut_off_gives_a_warning(compression: int) -> None:
    """Its last lines are blank."""
    data = make_fax(compression, encode_fax(compression))
    _, warnings = decode(data[:-60])
    assert FAX in warnings


@pytest.mark.parametrize("kinds", [(0,), (0, 0)])
def test_extra_planes_without_meaning_can_be_missing(kinds: tuple[int, ...]) -> None:
    """They are not read."""
    rows = [[[value, *(9,) * len(kinds)] for (value,) in row] for row in ROWS]
    file = TiffFile(rows=rows, planar=True, extra_samples=kinds, compression=DEFLATE, rows_per_strip=30)
    data = file.encode()
    lost = TiffFile(**{**file.__dict__, "strips": [*file._list_segments()[:1], *(b"",) * len(kinds)]}).encode()
    assert is_equal(decode(lost)[0], decode(data)[0])


def test_missing_alpha_plane_fails() -> None:
    """It belongs to the image."""
    rows = [[[value, 9] for (value,) in row] for row in ROWS]
    file = TiffFile(rows=rows, planar=True, extra_samples=(2,), compression=DEFLATE, rows_per_strip=30)
    with pytest.raises(ImageError):
        decode(TiffFile(**{**file.__dict__, "strips": [*file._list_segments()[:1], b""]}).encode())


def test_number_of_rows_that_is_too_large_is_limited() -> None:
    """One strip has all rows then."""
    usual: dict[str, Any] = {"rows": ROWS, "compression": LZW, "rows_per_strip": 30, "big": True}
    image, _ = decode(TiffFile(**usual, tags={278: (16, (2**61,))}).encode())
    assert is_equal(image, decode(TiffFile(**usual).encode())[0])


def test_luma_coefficients_without_meaning_are_ignored() -> None:
    """The usual ones are used."""
    rows = [[[90, 128, 200] for _ in row] for row in ROWS]
    tags: dict[int, Any] = {530: (3, (1, 1))}
    data = [
        TiffFile(rows=rows, photometric=6, compression=LZW, tags={**tags, **more}).encode()
        for more in ({}, {529: (5, bytes(24))})
    ]
    assert is_equal(decode(data[1])[0], decode(data[0])[0])


@pytest.mark.parametrize("compression", [NONE, LZW])
@pytest.mark.parametrize("planar", [False, True])
def test_tiles_can_be_in_the_tags_for_strips(compression: int, *, planar: bool) -> None:
    """Such a file has the size of tiles, and an offset for each tile."""
    rows = [[[pixel[0], 255 - pixel[0], 7] for pixel in row] for row in ROWS]
    usual: dict[str, Any] = {"rows": rows, "compression": compression, "photometric": 2, "planar": planar}
    image, warnings = decode(TiffFile(**usual, tile=(16, 16), tiles_as_strips=True, tags={278: (4, (16,))}).encode())
    assert is_equal(image, decode(TiffFile(**usual).encode())[0])
    assert warnings == ()


@pytest.mark.parametrize("compression", [NONE, LZW])
def test_size_of_tiles_has_no_effect_on_strips(compression: int) -> None:
    """There are fewer offsets than there would be tiles."""
    usual: dict[str, Any] = {"rows": ROWS, "compression": compression, "rows_per_strip": 30}
    image, _ = decode(TiffFile(**usual, tags={322: (3, (16,)), 323: (3, (16,))}).encode())
    assert is_equal(image, decode(TiffFile(**usual).encode())[0])


@pytest.mark.parametrize("weights", [(0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722), (0.212, 0.701, 0.087)])
@pytest.mark.parametrize("compression", [NONE, LZW])
def test_luma_coefficients_of_the_file_count(compression: int, weights: tuple[float, float, float]) -> None:
    """The formula is that of TIFF 6.0, section 21."""
    luma, blue_difference, red_difference = 120, 110, 150
    red = luma + (red_difference - 128) * (2 - 2 * weights[0])
    blue = luma + (blue_difference - 128) * (2 - 2 * weights[2])
    green = (luma - weights[0] * red - weights[2] * blue) / weights[1]
    coefficients = b"".join(struct.pack("<II", round(weight * 10_000), 10_000) for weight in weights)
    rows = [[[luma, blue_difference, red_difference] for _ in row] for row in ROWS]
    file = TiffFile(rows=rows, photometric=6, compression=compression, tags={529: (5, coefficients), 530: (3, (1, 1))})
    pixel = decode(file.encode())[0].getpixel((20, 15))
    assert isinstance(pixel, tuple)
    assert all(abs(value - exact) <= 1 for value, exact in zip(pixel, (red, green, blue), strict=True)), pixel
