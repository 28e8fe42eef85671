"""JPEG segments: only the pixels can fail an image, and only EXIF rotates it."""

import struct

import pytest
from PIL import Image, ImageChops
from support import color_profiles, sample_images
from support.jpeg_parts import LONG, ORIENTATION, SHORT, insert, make_exif, make_profile_segments, make_segment
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import CorruptImage, ImageError, NotAnImage, UnsupportedFlavor
from shared.pipeline.image_header import read_image_header
from worker.imaging import render
from worker.imaging.color.description import PROFILE_TOO_LARGE, PROFILE_UNUSABLE

JPEG = sample_images.make_jpeg()
SIZE = (64, 48)
TURNED = (48, 64)
EXPECTED = sample_images.decode(JPEG).convert("RGB")


def render_jpeg(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the first output and the warnings."""
    result = render(data, EMPTY, LIMITS)
    return sample_images.decode(result.outputs[0][1].data).convert("RGB"), result.warnings


HARMLESS = {
    "empty JFIF": make_segment(0xE0, b""),
    "JFIF without values": make_segment(0xE0, b"JFIF\0"),
    "APP0 of length 0": b"\xff\xe0\0\0",
    "comment of length 1": b"\xff\xfe\0\1",
    "fill bytes": b"\xff\xff\xff",
    "short Adobe": make_segment(0xEE, b"Adobe"),
    "cut Photoshop block": make_segment(0xED, b"Photoshop 3.0\x008BIM\x04"),
    "damaged list of images": make_segment(0xE2, b"MPF\0junk"),
    "empty list of images": make_segment(0xE2, b"MPF\0"),
    "empty FlashPix": make_segment(0xE2, b"FPXR\0"),
    "XMP that is no XML": make_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 60_000),
    "thumbnail": make_segment(0xE0, b"JFXX\0\x10" + JPEG),
    "unknown segments": make_segment(0xE9, b"x") + make_segment(0xF7, b"y"),
    "a thousand comments": make_segment(0xFE, b"x" * 1000) * 1000,
    "reserved marker": b"\xff\x02",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_other_segments_never_fail_an_image(name: str) -> None:
    """The pixels are those of the file without the segment, without a warning."""
    image, warnings = render_jpeg(insert(JPEG, HARMLESS[name]))
    assert ImageChops.difference(image, EXPECTED).getbbox() is None
    assert warnings == ()


def test_a_damaged_jfif_header_can_be_the_only_one() -> None:
    """The color model is then found as in browsers."""
    at = JPEG.index(b"\xff\xe0")
    (length,) = struct.unpack_from(">H", JPEG, at + 2)
    image, _ = render_jpeg(JPEG[:at] + make_segment(0xE0, b"") + JPEG[at + 2 + length :])
    assert ImageChops.difference(image, EXPECTED).getbbox() is None


def test_data_after_the_end_is_ignored() -> None:
    """Many programs append data, for example other images."""
    for data in (JPEG + bytes(5000), JPEG + JPEG):
        image, warnings = render_jpeg(data)
        assert ImageChops.difference(image, EXPECTED).getbbox() is None
        assert warnings == ()


SIX = (ORIENTATION, SHORT, 1, 6)
ONE = (ORIENTATION, SHORT, 1, 1)
ORIENTATIONS: dict[str, tuple[list[bytes], tuple[int, int]]] = {
    "EXIF": ([make_segment(0xE1, make_exif([SIX]))], TURNED),
    "XMP": ([make_segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>')], SIZE),
    "first of two blocks": ([make_segment(0xE1, make_exif([one])) for one in (SIX, ONE)], TURNED),
    "second of two blocks": ([make_segment(0xE1, make_exif([one])) for one in (ONE, SIX)], SIZE),
    "second of two tags": ([make_segment(0xE1, make_exif([ONE, SIX]))], SIZE),
    "LONG": ([make_segment(0xE1, make_exif([(ORIENTATION, LONG, 1, 6)]))], SIZE),
    "two values": ([make_segment(0xE1, make_exif([(ORIENTATION, SHORT, 2, 6)]))], SIZE),
    "out of range": ([make_segment(0xE1, make_exif([(ORIENTATION, SHORT, 1, 9)]))], SIZE),
    "too many entries": ([make_segment(0xE1, make_exif([SIX], count=500))], TURNED),
    "damaged entry before": ([make_segment(0xE1, make_exif([(0x010E, 99, 5000, 0x7FFFFFFF), SIX]))], TURNED),
    "damaged entry after": ([make_segment(0xE1, make_exif([SIX, (0x8298, 2, 5000, 0x7FFFFFFF)]))], TURNED),
    "other padding": ([make_segment(0xE1, b"Exif\0\1" + make_exif([SIX])[6:])], TURNED),
    "no EXIF": ([make_segment(0xE1, b"Exif\0\0junk")], SIZE),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_orientation_is_that_of_browsers_in_plans_and_jobs(name: str) -> None:
    """The sizes were compared with Chromium 156."""
    segments, size = ORIENTATIONS[name]
    data = insert(JPEG, *segments)
    assert render_jpeg(data)[0].size == size
    header = read_image_header(data)
    assert header is not None
    assert (header.width, header.height) == size


@pytest.mark.parametrize("part_bytes", [500, 65_000])
def test_profile_in_several_segments_is_applied(part_bytes: int) -> None:
    """The order of the segments does not matter."""
    profile = color_profiles.make_display_p3_profile()
    segments = make_profile_segments(profile, part_bytes)
    image, warnings = render_jpeg(insert(JPEG, *reversed(segments)))
    assert ImageChops.difference(image, EXPECTED).getbbox() is not None
    assert warnings == ()


@pytest.mark.parametrize("padding", [1_200_000, 3_900_000])
def test_large_profile_is_applied(padding: int) -> None:
    """Profiles for printing have up to 2.5 MB."""
    small = color_profiles.make_display_p3_profile()
    large = color_profiles.pad_profile(small, padding)
    one, other = (render_jpeg(insert(JPEG, *make_profile_segments(each))) for each in (small, large))
    assert ImageChops.difference(one[0], other[0]).getbbox() is None
    assert other[1] == ()


def test_too_large_profile_is_ignored_with_a_warning() -> None:
    """The limit is 4 MiB."""
    large = color_profiles.pad_profile(color_profiles.make_display_p3_profile(), 4 * 1024 * 1024)
    image, warnings = render_jpeg(insert(JPEG, *make_profile_segments(large)))
    assert ImageChops.difference(image, EXPECTED).getbbox() is None
    assert warnings == (PROFILE_TOO_LARGE,)


@pytest.mark.parametrize("change", ["missing", "twice", "short", "wrong count"])
def test_incomplete_profile_is_ignored_with_a_warning(change: str) -> None:
    """The values count as sRGB."""
    segments = make_profile_segments(color_profiles.make_display_p3_profile(), 300)
    changed = {
        "missing": segments[1:],
        "twice": [*segments, segments[0]],
        "short": [make_segment(0xE2, b"ICC_PROFILE\0")],
        "wrong count": make_profile_segments(b"x" * 400, 300)[:1],
    }
    image, warnings = render_jpeg(insert(JPEG, *changed[change]))
    assert ImageChops.difference(image, EXPECTED).getbbox() is None
    assert warnings == (PROFILE_UNUSABLE,)


@pytest.mark.parametrize(
    ("offset", "value", "flavor"),
    [(1, 0xC5, "hierarchical"), (1, 0xCB, "lossless"), (4, 12, "12 bits"), (9, 2, "2 channels")],
)
def test_rare_kinds_are_named(offset: int, value: int, flavor: str) -> None:
    """The error says what the file is, and what to do."""
    data = bytearray(JPEG)
    data[data.index(b"\xff\xc0") + offset] = value
    with pytest.raises(UnsupportedFlavor, match=flavor):
        render(bytes(data), EMPTY, LIMITS)


@pytest.mark.parametrize(
    "data", [JPEG[:300], insert(JPEG, b"\xff\xe1\xff\xff"), insert(JPEG, b"\xff\xd8"), insert(JPEG, b"\xff\xdb\0\3\0")]
)
def test_a_damaged_jpeg_is_not_called_no_image(data: bytes) -> None:
    """The file starts like a JPEG."""
    with pytest.raises(ImageError) as caught:
        render(data, EMPTY, LIMITS)
    assert not isinstance(caught.value, NotAnImage)


def test_missing_frame_header_is_corrupt() -> None:
    """All else is there."""
    at = JPEG.index(b"\xff\xc0")
    (length,) = struct.unpack_from(">H", JPEG, at + 2)
    with pytest.raises(CorruptImage):
        render(JPEG[:at] + JPEG[at + 2 + length :], EMPTY, LIMITS)
