"""HEIC and HEIF files: pixels, orientation, alpha, metadata, limits and damage."""

import struct
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from support import heif_boxes, sample_images
from support.fidelity import compute_worst_psnr
from support.heif_images import read_heif

from shared.errors import (
    CorruptImage,
    ImageError,
    NotAnImage,
    SideTooLong,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFlavor,
)
from shared.pipeline.heif_header import read_heif_header
from shared.pipeline.media_boxes import iterate_boxes
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render
from worker.imaging.containers.heif import find_heif_warnings

LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
SCENE = sample_images.draw_scene()
#: Files of the test suite of pillow-heif: size, and the pixels at the top left, center and bottom right, as
#: ``heif-convert`` of libheif 1.15 decodes them.
PUBLIC: dict[str, tuple[tuple[int, int], list[tuple[int, ...]]]] = {
    "LA_8__29x100.heif": ((29, 100), [(0, 4), (129, 128), (253, 251)]),
    "L_10__128x128.heif": ((128, 128), [(0,), (129,), (255,)]),
    "L_10__29x100.heif": ((29, 100), [(0,), (129,), (255,)]),
    "L_12__128x128.heif": ((128, 128), [(0,), (129,), (255,)]),
    "L_12__29x100.heif": ((29, 100), [(0,), (129,), (255,)]),
    "L_8__29x100.heif": ((29, 100), [(0,), (128,), (255,)]),
    "L_xmp_latin1.heic": ((16, 16), [(1,), (1,), (1,)]),
    "RGBA_10__29x100.heif": ((29, 100), [(7, 0, 245, 254), (130, 128, 122, 126), (252, 253, 4, 1)]),
    "RGBA_12__29x100.heif": ((29, 100), [(6, 0, 245, 254), (130, 128, 122, 126), (252, 254, 5, 1)]),
    "RGBA_8__29x100.heif": ((29, 100), [(0, 5, 249, 251), (127, 128, 122, 128), (255, 255, 1, 4)]),
    "RGB_10__29x100.heif": ((29, 100), [(7, 0, 245), (130, 129, 121), (252, 253, 4)]),
    "RGB_12__29x100.heif": ((29, 100), [(6, 0, 245), (130, 128, 122), (252, 254, 5)]),
    "RGB_8__29x100.heif": ((29, 100), [(0, 6, 252), (128, 129, 123), (252, 251, 2)]),
    "RGB_8_chroma444.heif": ((29, 100), [(0, 0, 254), (128, 128, 128), (255, 255, 1)]),
    "zPug_3.heic": ((64, 64), [(255,), (10,), (79,)]),
}


def render_heif(data: bytes, limits: Limits = LIMITS, **output: Any) -> RenderResult:
    """Render a file with an empty pipeline."""
    return render(data, Pipeline.model_validate({"operations": [], "outputs": [{"format": "png", **output}]}), limits)


def decode_output(rendered: RenderResult) -> Image.Image:
    """Decode the output."""
    return sample_images.decode(rendered.outputs[0][1].data)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_file_has_the_pixels_of_another_decoder(name: str) -> None:
    """Gray, color and alpha with 8, 10 and 12 bits, grids, crops, and several images of which the second is primary."""
    size, pixels = PUBLIC[name]
    image = decode_output(render_heif(read_heif(name)))
    assert image.size == size
    for place, expected in zip(((0, 0), (size[0] // 2, size[1] // 2), (size[0] - 1, size[1] - 1)), pixels, strict=True):
        found = image.getpixel(place)
        values = found if isinstance(found, tuple) else (found,)
        assert len(values) == len(expected)
        assert all(abs((one or 0) - other) <= 3 for one, other in zip(values, expected, strict=True))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_each_orientation_is_applied_once(orientation: int) -> None:
    """The file has it as rotation and mirroring, and again in its EXIF data."""
    rendered = render_heif(read_heif(f"orientation-{orientation}"))
    scene = SCENE.copy()
    scene.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(scene)
    assert (rendered.width, rendered.height) == expected.size
    assert compute_worst_psnr(decode_output(rendered), expected) > 35


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scene", SCENE),
        ("ten-bits", SCENE),
        ("gray", SCENE.convert("L")),
        ("grid", sample_images.draw_scene(100, 80)),
        ("alpha", sample_images.draw_scene(mode="RGBA")),
        ("premultiplied", sample_images.draw_scene(mode="RGBA")),
    ],
)
def test_a_file_looks_like_its_source(name: str, expected: Image.Image) -> None:
    """With 10 bits, as a grid of four tiles, with alpha that the colors are multiplied by, and others."""
    image = decode_output(render_heif(read_heif(name)))
    assert image.mode == expected.mode
    assert compute_worst_psnr(image, expected) > 35


def test_only_the_primary_image_of_a_burst_is_processed() -> None:
    """It is the second of three."""
    rendered = render_heif(read_heif("burst"))
    assert sample_images.decode(rendered.outputs[0][1].data).getpixel((0, 0)) == pytest.approx((0, 255, 0), abs=3)
    assert rendered.warnings == ("The file has 3 images. Only the primary image was processed.",)


def test_an_icc_profile_is_applied() -> None:
    """The values (200, 100, 50) are of Display P3."""
    image = decode_output(render_heif(read_heif("icc-p3")))
    assert image.getpixel((8, 8)) == pytest.approx((215, 93, 31), abs=3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cicp-p3", (215, 93, 31)), ("cicp-linear", (229, 168, 122)), ("cicp-bt2020", (241, 76, 29))],
)
def test_cicp_is_applied(name: str, expected: tuple[int, int, int]) -> None:
    """Display P3, linear light, and BT.2020, whose curve counts as that of sRGB. The values are (200, 100, 50)."""
    rendered = render_heif(read_heif(name))
    assert decode_output(rendered).getpixel((8, 8)) == pytest.approx(expected, abs=3)
    assert rendered.warnings == ()


@pytest.mark.parametrize("name", ["PQ", "HLG"])
def test_high_dynamic_range_is_tone_mapped(name: str) -> None:
    """With a warning that names the curve. Gray stays gray."""
    rendered = render_heif(read_heif(f"cicp-{name.lower()}"))
    assert len(set(decode_output(rendered).convert("RGB").getpixel((56, 8)) or ())) == 1  # type: ignore[arg-type]
    assert rendered.warnings == (f"The image has high dynamic range ({name}), which was tone-mapped to sRGB.",)


def test_cicp_of_an_avif_is_applied() -> None:
    """The same values in an AVIF whose primaries are those of Display P3."""
    data = sample_images.encode(Image.new("RGB", (64, 48), (200, 100, 50)), "AVIF", quality=95, subsampling="4:4:4")
    foreign = data.replace(b"nclx\0\x01\0\x0d", b"nclx\0\x0c\0\x0d")
    assert foreign != data
    assert decode_output(render_heif(data)).getpixel((8, 8)) == pytest.approx((200, 100, 50), abs=3)
    assert decode_output(render_heif(foreign)).getpixel((8, 8)) == pytest.approx((215, 93, 30), abs=3)


def test_cicp_that_says_srgb_does_not_hide_a_profile() -> None:
    """Encoders write it by default. Chromium gives the same color."""
    profile = (header := read_heif_header(read_heif("icc-p3"))) and header.primary.profile
    assert profile
    image = Image.new("RGB", (64, 48), (200, 100, 50))
    icc = read_heif("icc-p3")[slice(*profile)]
    data = sample_images.encode(image, "AVIF", quality=95, subsampling="4:4:4", icc_profile=icc)
    both = data.replace(b"nclx\0\x02\0\x02", b"nclx\0\x01\0\x0d")
    assert both != data
    for each in (data, both):
        assert decode_output(render_heif(each)).getpixel((8, 8)) == pytest.approx((215, 93, 31), abs=3)


def test_color_facts_that_are_not_supported_are_ignored() -> None:
    """Transfer characteristics 3 are reserved."""
    data = read_heif("cicp-p3").replace(b"nclx\0\x0c\0\x0d", b"nclx\0\x0c\0\x03")
    rendered = render_heif(data)
    assert decode_output(rendered).getpixel((8, 8)) == pytest.approx((200, 100, 50), abs=3)
    assert len(rendered.warnings) == 1


def test_the_copyright_is_kept() -> None:
    """The EXIF data of the file names the artist."""
    image = decode_output(render_heif(read_heif("orientation-6"), keep=["copyright"]))
    assert dict(image.getexif()) == {0x013B: "Ada"}


def test_a_gain_map_is_ignored_with_a_warning() -> None:
    """As Apple and ISO 21496-1 store it."""
    gain_map = heif_boxes.make_auxiliary("urn:com:apple:photo:2020:aux:hdrgainmap")
    apple = heif_boxes.make_heif({1: b"hvc1", 2: b"hvc1"}, [gain_map], {2: [1]}, [(b"auxl", 2, (1,))])
    iso = heif_boxes.make_heif({1: b"hvc1", 2: b"tmap"})
    for data in (apple, iso):
        header = read_heif_header(data)
        assert header is not None
        assert find_heif_warnings(header) == ("The gain map, which brightens the image on HDR displays, was ignored.",)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (replace(LIMITS, max_side=63), SideTooLong),
        (replace(LIMITS, max_pixels=64 * 48 - 1), TooManyPixels),
        (replace(LIMITS, heif=False), UnsupportedFlavor),
    ],
)
def test_limits_apply_before_decoding(limits: Limits, error: type[ImageError]) -> None:
    """Without the pixels, which are the last bytes of the file, the same error is raised."""
    data = read_heif("scene")
    for each in (data, data[:-100]):
        with pytest.raises(error):
            render_heif(each, limits)


def test_a_tile_that_is_named_often_counts_each_time() -> None:
    """65,535 references to one tile of 4,096 pixels are more than the limit."""
    data = heif_boxes.make_heif(
        {1: b"grid", 2: b"hvc1"},
        [heif_boxes.make_size(64, 64)],
        {1: [1], 2: [1]},
        [(b"dimg", 1, (2,) * 10_000)],
    )
    with pytest.raises(TooManyPixels, match="tiles"):
        render_heif(data)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(b"avc1", "AVC"), (b"av01", "AV1"), (b"j2k1", "JPEG 2000"), (b"unci", "uncompressed"), (b"zzzz", "zzzz")],
)
def test_another_codec_is_named(kind: bytes, name: str) -> None:
    """A HEIF file can hold images of many codecs."""
    with pytest.raises(UnsupportedFlavor, match=name):
        render_heif(heif_boxes.make_heif({1: kind}, brand=b"mif1"))


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"\xff\x0a" + bytes(20), "JPEG XL"), (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "JPEG XL"), (b"8BPS" * 9, "PSD")],
)
def test_an_image_format_that_is_not_accepted_is_named(data: bytes, name: str) -> None:
    """With the formats to convert it to."""
    with pytest.raises(UnsupportedFlavor, match=f"The file is {name}. Convert it to one of JPEG"):
        render_heif(data)


def test_a_truncated_file_is_called_truncated() -> None:
    """Pixels are at the end of the file."""
    with pytest.raises(TruncatedImage):
        render_heif(read_heif("scene")[:-100])


def test_a_damaged_tile_fails_the_image() -> None:
    """Otherwise, libheif leaves its place empty. The first four bytes of a tile are a length."""
    data = read_heif("grid")
    box = next(box for box in iterate_boxes(data, 0, len(data)) if box.kind == b"mdat")
    with pytest.raises(CorruptImage):
        render_heif(data[: box.start] + b"\xff" * 4 + data[box.start + 4 :])


def test_a_file_that_only_starts_like_heif_is_refused() -> None:
    """Its boxes are missing or invalid."""
    for data in (heif_boxes.make_box(b"ftyp", b"heic", bytes(4), b"mif1heic"), b"\0\0\0\x18ftypheic" + bytes(40)):
        with pytest.raises((CorruptImage, NotAnImage, TruncatedImage)):
            render_heif(data)


@given(st.data())
def test_damage_never_raises_another_error(data: st.DataObject) -> None:
    """Whatever is changed, the result is an image or an error with a code."""
    whole = bytearray(read_heif(data.draw(st.sampled_from(["alpha", "grid", "burst", "orientation-5"]))))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 5), min_size=1, max_size=6)):
        struct.pack_into(">I", whole, place, data.draw(st.sampled_from([0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF])))
    with suppress(ImageError):
        render_heif(bytes(whole))
