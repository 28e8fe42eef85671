"""WebP chunks: damage after the pixels does not fail the image."""

import struct

import pytest
from PIL import Image, ImageChops
from support import color_profiles, sample_images
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import ImageError
from worker.imaging import render
from worker.imaging.containers.webp import iterate_chunks

END_DAMAGED = "The end of the WebP file is damaged and was ignored."
EXIF = Image.Exif()
EXIF[0x0112] = 6
WEBP = sample_images.encode(
    sample_images.draw_scene(),
    "WEBP",
    lossless=True,
    exif=EXIF.tobytes(),
    xmp=b"x" * 300,
    icc_profile=color_profiles.make_display_p3_profile(),
)
KINDS = {chunk.kind: chunk for chunk in iterate_chunks(WEBP)}


def render_webp(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the first output and the warnings."""
    result = render(data, EMPTY, LIMITS)
    return sample_images.decode(result.outputs[0][1].data).convert("RGB"), result.warnings


WHOLE = render_webp(WEBP)[0]


def test_whole_file_gives_no_warning() -> None:
    """EXIF rotates it."""
    image, warnings = render_webp(WEBP)
    assert image.size == (48, 64)
    assert warnings == ()


@pytest.mark.parametrize("cut", [1, 100, 302])
def test_cut_xmp_costs_only_itself(cut: int) -> None:
    """The pixels, the profile and EXIF are used."""
    image, warnings = render_webp(WEBP[:-cut])
    assert ImageChops.difference(image, WHOLE).getbbox() is None
    assert warnings == (END_DAMAGED,)


def test_cut_exif_costs_only_itself() -> None:
    """The profile still applies."""
    image, warnings = render_webp(WEBP[: KINDS[b"EXIF"].start + 3])
    upright = WHOLE.transpose(Image.Transpose.ROTATE_90)
    assert ImageChops.difference(image, upright).getbbox() is None
    assert warnings == (END_DAMAGED,)


def test_too_large_declared_size_costs_nothing() -> None:
    """All chunks are there."""
    image, warnings = render_webp(WEBP[:4] + struct.pack("<I", len(WEBP) + 1000) + WEBP[8:])
    assert ImageChops.difference(image, WHOLE).getbbox() is None
    assert warnings == (END_DAMAGED,)


def test_too_large_metadata_chunk_costs_only_itself() -> None:
    """The chunk claims to be longer than the file."""
    at = KINDS[b"XMP "].start - 4
    image, warnings = render_webp(WEBP[:at] + struct.pack("<I", 0x7FFFFFF0) + WEBP[at + 4 :])
    assert ImageChops.difference(image, WHOLE).getbbox() is None
    assert warnings == (END_DAMAGED,)


def test_damaged_exif_costs_only_itself() -> None:
    """A warning says what was ignored."""
    exif = KINDS[b"EXIF"]
    image, warnings = render_webp(WEBP[: exif.start] + b"\xff" * exif.length + WEBP[exif.start + exif.length :])
    assert image.size == (64, 48)
    assert warnings == ("The EXIF data is damaged and was ignored.",)


def test_data_after_the_end_is_ignored() -> None:
    """The file says where it ends."""
    image, warnings = render_webp(WEBP + b"junk" * 1000)
    assert ImageChops.difference(image, WHOLE).getbbox() is None
    assert warnings == ()


def test_cut_pixels_are_an_error() -> None:
    """Repair never invents pixels."""
    pixels = KINDS[b"VP8L"]
    with pytest.raises(ImageError):
        render(WEBP[: pixels.start + pixels.length - 10], EMPTY, LIMITS)


@pytest.mark.parametrize("padding", [1_200_000, 3_900_000])
@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "JPEG"])
def test_large_profile_is_applied_in_every_format(name: str, padding: int) -> None:
    """The result equals that of the same profile without padding."""
    small = color_profiles.make_display_p3_profile()
    images = [
        render_webp(sample_images.encode(sample_images.draw_scene(), name, icc_profile=profile))
        for profile in (small, color_profiles.pad_profile(small, padding))
    ]
    assert ImageChops.difference(images[0][0], images[1][0]).getbbox() is None
    assert images[1][1] == ()
