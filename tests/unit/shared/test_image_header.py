"""Tests of header reading, compared with what Pillow decodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import sample_images

from shared.pipeline.image_formats import BY_NAME
from shared.pipeline.image_header import READABLE, read_image_header
from shared.pipeline.limits import Limits
from worker.imaging.decode import decode, open_image

LIMITS = Limits(max_bytes=10**8, max_pixels=10**8, max_side=10**5)
SAMPLES = {
    "JPEG": sample_images.make_jpeg(),
    "JPEG progressive": sample_images.make_jpeg(progressive=True),
    "PNG": sample_images.make_png(),
    "PNG palette": sample_images.make_png(mode="P"),
    "PNG gray": sample_images.make_png(mode="L"),
    "PNG alpha": sample_images.make_png(mode="RGBA"),
    "WEBP lossy": sample_images.encode(sample_images.draw_scene(), "WEBP"),
    "WEBP lossless": sample_images.encode(sample_images.draw_scene(), "WEBP", lossless=True),
    "WEBP alpha": sample_images.encode(sample_images.draw_scene(mode="RGBA"), "WEBP"),
    "WEBP lossless alpha": sample_images.encode(sample_images.draw_scene(mode="RGBA"), "WEBP", lossless=True),
    "GIF": sample_images.encode(sample_images.draw_scene(), "GIF"),
    "BMP": sample_images.encode(sample_images.draw_scene(), "BMP"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_header_matches_the_decoded_image(name: str) -> None:
    """Format, size and transparency match the decoded image."""
    header = read_image_header(SAMPLES[name])
    source = open_image(SAMPLES[name], LIMITS)
    picture = decode(source)
    assert header is not None
    assert header.image_format is BY_NAME[source.header.format]
    assert (header.width, header.height) == picture.image.size
    if header.alpha is not None:
        assert header.alpha == picture.image.has_transparency_data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_size_is_upright(orientation: int, kind: str) -> None:
    """All eight EXIF orientations give the size that the worker sees."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = sample_images.encode(sample_images.draw_scene(), kind, exif=exif)
    header = read_image_header(data)
    assert header is not None
    assert (header.width, header.height) == decode(open_image(data, LIMITS)).image.size


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation_is_detected(kind: str) -> None:
    """Animations are detected without decoding."""
    data = sample_images.encode(
        sample_images.draw_scene(),
        kind,
        save_all=True,
        append_images=[sample_images.draw_scene().rotate(180)],
        duration=50,
    )
    header = read_image_header(data)
    assert header is not None
    assert header.animated is True


def test_transparent_color_counts_as_alpha() -> None:
    """A PNG with a transparent palette entry has transparency."""
    header = read_image_header(sample_images.encode(sample_images.draw_scene(mode="P"), "PNG", transparency=0))
    assert header is not None
    assert header.alpha is True


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 60))
def test_damaged_header_raises_nothing(name: str, length: int, noise: bytes, at: int) -> None:
    """Truncated or overwritten headers give valid sides or None, never an exception."""
    data = SAMPLES[name][:length]
    data = data[:at] + noise + data[at + len(noise) :]
    header = read_image_header(data)
    assert header is None or min(header.width, header.height) > 0


def test_unreadable_formats_return_none() -> None:
    """TIFF stores its directory anywhere in the file, so its header is not read."""
    assert read_image_header(sample_images.encode(sample_images.draw_scene(), "TIFF")) is None
    assert "TIFF" not in {each.name for each in READABLE}
