"""Images with more than 8 bits per channel: their colors are converted at full depth."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image
from support import raw_files, sample_images
from support.rendered_pngs import EMPTY, LIMITS
from support.tiff_files import DEFLATE, FLOAT, NONE, SIGNED, UNSIGNED, TiffFile

from worker.imaging import render
from worker.imaging.color.deep import DeepPixels, convert_deep
from worker.imaging.color.hdr_curves import map_hlg, map_pq
from worker.imaging.color.rgb_space import BT709, Chromaticities, RgbSpace, build_profile, encode_srgb

#: Dark values, several of which have the same 8 bits, and some others.
VALUES = [*range(0, 2600, 13), *range(3000, 65_536, 640), 65_535]
LINEAR = build_profile(RgbSpace(BT709, tuple(value / 255 for value in range(256))))
WIDE = Chromaticities((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290))
EXPECTED = [round(255 * encode_srgb(value / 65_535)) for value in VALUES]


def make_profile_chunk(profile: bytes) -> tuple[bytes, bytes]:
    """Return an iCCP chunk."""
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


DESCRIPTIONS = {
    "profile": make_profile_chunk(LINEAR),
    "CICP": (b"cICP", bytes((1, 8, 0, 1))),
    "gamma": (b"gAMA", struct.pack(">I", 100_000)),
}


def list_pixels(data: bytes) -> list[tuple[int, ...]]:
    """Return the pixels of the rendered image."""
    image = sample_images.decode(render(data, EMPTY, LIMITS).outputs[0][1].data)
    values, count = image.tobytes(), len(image.getbands())
    return [tuple(values[at : at + count]) for at in range(0, len(values), count)]


def measure_error(found: Sequence[tuple[int, ...]], expected: Sequence[int], channels: int) -> int:
    """Return the largest difference of a color channel."""
    return max(abs(pixel[channel] - value) for pixel, value in zip(found, expected, strict=True)
               for channel in range(channels))  # fmt: skip


@pytest.mark.parametrize("description", DESCRIPTIONS)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (1, True), (3, False), (3, True)])
def test_dark_values_of_a_deep_png_stay_apart(description: str, interlaced: bool, channels: int, alpha: bool) -> None:
    """Linear values: at 8 bits, the darkest would be off by up to 13 of 255."""
    rows = [[[value] * channels + [30_000] * alpha for value in VALUES]]
    data = raw_files.make_png(rows, 16, interlaced=interlaced, chunks=[DESCRIPTIONS[description]])
    found = list_pixels(data)
    assert measure_error(found, EXPECTED, channels) <= 1
    assert not alpha or {pixel[-1] for pixel in found} == {30_000 >> 8}


def test_transparent_color_of_a_deep_png_is_kept() -> None:
    """Its pixels become transparent, and the others are converted at full depth."""
    rows = [[[value] * 3 for value in VALUES]]
    chunks = [DESCRIPTIONS["profile"], (b"tRNS", struct.pack(">3H", 65_535, 65_535, 65_535))]
    found = list_pixels(raw_files.make_png(rows, 16, chunks=chunks))
    assert measure_error(found[:-1], EXPECTED[:-1], 3) <= 1
    assert [pixel[3] for pixel in found[:-1]] == [255] * (len(VALUES) - 1)
    assert found[-1][3] == 0


@pytest.mark.parametrize(("transfer", "decode"), [(16, map_pq), (18, map_hlg)])
def test_deep_hdr_is_tone_mapped_at_full_depth(transfer: int, decode: Any) -> None:
    """The primaries are those of sRGB, so each channel follows the formula."""
    rows = [[[value] * 3 for value in VALUES]]
    data = raw_files.make_png(rows, 16, chunks=[(b"cICP", bytes((1, transfer, 0, 1)))])
    expected = [round(255 * encode_srgb(decode(value / 65_535))) for value in VALUES]
    assert measure_error(list_pixels(data), expected, 3) <= 1


def test_colors_without_a_conversion_are_unchanged() -> None:
    """An sRGB image keeps the high bytes, and so does one whose profile can't be used."""
    rows = [[[value, 0, value] for value in VALUES]]
    expected = list_pixels(raw_files.make_png(rows, 16))
    for chunk in ((b"sRGB", b"\0"), make_profile_chunk(b"no profile")):
        assert list_pixels(raw_files.make_png(rows, 16, chunks=[chunk])) == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "kind"), [(12, UNSIGNED), (16, UNSIGNED), (16, SIGNED), (32, UNSIGNED), (32, FLOAT), (64, FLOAT)]
)
@pytest.mark.parametrize(("photometric", "channels"), [(0, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("planar", [False, True])
def test_dark_values_of_a_deep_tiff_stay_apart(  # noqa: PLR0917 - one for each property
    order: str, bits: int, kind: int, photometric: int, channels: int, planar: bool
) -> None:
    """Of each depth and type."""

    def store(value: int) -> float:
        level = 65_535 - value if photometric == 0 else value
        if kind == FLOAT:
            return level / 65_535
        scaled = level * ((1 << bits) - 1) // 65_535
        return scaled - (1 << bits - 1) if kind == SIGNED else scaled

    file = TiffFile(
        rows=[[[store(value)] * channels for value in VALUES]],
        bits=bits,
        sample_format=kind,
        photometric=photometric,
        planar=planar,
        order=order,
        compression=DEFLATE if order == "<" else NONE,
        tags={34675: (7, LINEAR)},
    )
    assert measure_error(list_pixels(file.encode()), EXPECTED, channels) <= (3 if bits == 12 else 1)


@pytest.mark.parametrize("kind", [0, 2])
def test_alpha_of_a_deep_tiff_is_kept(kind: int) -> None:
    """Also if it is not alpha, and then without an effect."""
    rows = [[[value, value, value, 30_000] for value in VALUES]]
    file = TiffFile(rows=rows, bits=16, photometric=2, extra_samples=(kind,), tags={34675: (7, LINEAR)})
    found = list_pixels(file.encode())
    assert measure_error(found, EXPECTED, 3) <= 1
    assert {pixel[3:] for pixel in found} == ({(117,)} if kind else {()})


def test_orientation_of_a_deep_tiff_is_applied() -> None:
    """To the high and to the low bytes."""
    rows = [[[value] * 3 for value in VALUES]]
    file = TiffFile(rows=rows, bits=16, photometric=2, tags={34675: (7, LINEAR), 274: (3, (6,))})
    assert measure_error(list_pixels(file.encode()), EXPECTED, 3) <= 1


def test_wide_colors_are_converted_like_those_of_8_bits() -> None:
    """The same values at both depths give the same colors."""
    space = RgbSpace(WIDE, tuple((value / 255) ** 2.2 for value in range(256)))
    chunk = make_profile_chunk(build_profile(space))
    rows = [[[(37 * x) % 256, (91 * x) % 256, (17 * x) % 256] for x in range(300)]]
    deep = [[[value * 257 for value in pixel] for pixel in row] for row in rows]
    shallow = list_pixels(raw_files.make_png(rows, 8, chunks=[chunk]))
    found = list_pixels(raw_files.make_png(deep, 16, chunks=[chunk]))
    assert (
        max(abs(a - b) for one, other in zip(found, shallow, strict=True) for a, b in zip(one, other, strict=True)) <= 1
    )


def test_bands_join_without_a_gap() -> None:
    """Large images are converted in bands."""
    high = Image.linear_gradient("L").resize((1000, 700))
    pixels = DeepPixels(Image.merge("RGB", (high,) * 3), Image.new("RGB", (1000, 700)))
    converted = convert_deep(pixels, LINEAR)
    expected = high.point([round(255 * encode_srgb(value * 256 / 65_535)) for value in range(256)])
    assert all(abs(a - b) <= 1 for a, b in zip(converted.getchannel("G").tobytes(), expected.tobytes(), strict=True))


@pytest.mark.parametrize("profile", [b"", b"junk" * 50, LINEAR[:-200]])
def test_damaged_profile_is_an_error(profile: bytes) -> None:
    """Callers ignore the profile then."""
    with pytest.raises(ValueError, match="profile"):
        convert_deep(DeepPixels(Image.new("CMYK", (2, 2)), Image.new("CMYK", (2, 2))), profile)
