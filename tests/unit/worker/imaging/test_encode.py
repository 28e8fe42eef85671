"""Encoding: quality, byte limits and palettes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import sample_images
from support.image_similarity import compute_psnr

from shared.errors import ByteCeilingUnreachable, EncodingFailed
from shared.pipeline.output import LOSSY_FORMATS, Output, OutputFormat
from worker.imaging.encode import choose_avif_speed, encode
from worker.imaging.palette import reduce_to_palette

PHOTO = Image.effect_noise((96, 64), 40).convert("RGB")


@pytest.mark.parametrize("output_format", LOSSY_FORMATS)
def test_lower_quality_gives_fewer_bytes(output_format: OutputFormat) -> None:
    """Without a quality, the default of the format is used."""
    low, high, default = (
        len(encode(PHOTO, Output(format=output_format, quality=quality)).data)
        for quality in (20, 95, output_format.image_format.default_quality)
    )
    assert low < default < high
    assert len(encode(PHOTO, Output(format=output_format)).data) == default


@pytest.mark.parametrize("output_format", LOSSY_FORMATS)
def test_max_bytes_is_met_with_the_best_quality(output_format: OutputFormat) -> None:
    """One step higher would exceed it."""
    sizes = [len(encode(PHOTO, Output(format=output_format, quality=quality)).data) for quality in range(1, 81)]
    ceiling = sizes[39]
    result = len(encode(PHOTO, Output(format=output_format, quality=80, max_bytes=ceiling)).data)
    assert result <= ceiling
    best = max(quality for quality, size in enumerate(sizes) if size <= ceiling)
    assert result in sizes[max(0, best - 3) : best + 1]


@settings(max_examples=30, deadline=None)
@given(ceiling=st.integers(256, 6000), output_format=st.sampled_from(LOSSY_FORMATS))
def test_max_bytes_is_met_or_fails(ceiling: int, output_format: OutputFormat) -> None:
    """The file fits, or encoding raises ByteCeilingUnreachable."""
    try:
        result = encode(PHOTO, Output(format=output_format, max_bytes=ceiling))
    except ByteCeilingUnreachable:
        assert len(encode(PHOTO, Output(format=output_format, quality=1)).data) > ceiling
        return
    assert len(result.data) <= ceiling


def test_generous_max_bytes_changes_nothing() -> None:
    """The file is the same as without a limit."""
    unlimited = Output(format=OutputFormat.JPEG)
    assert encode(PHOTO, unlimited).data == encode(PHOTO, unlimited.model_copy(update={"max_bytes": 10**6})).data


@pytest.mark.parametrize("count", [2, 255, 256])
def test_palette_of_few_colors_is_lossless(count: int) -> None:
    """A GIF of up to 256 colors keeps every pixel."""
    image = Image.new("RGB", (count, 2))
    for x in range(count):
        image.paste((x, 255 - x, x // 2), (x, 0, x + 1, 2))
    result = sample_images.decode(encode(image, Output(format=OutputFormat.GIF)).data)
    assert result.convert("RGB").tobytes() == image.tobytes()


def test_gif_makes_alpha_binary() -> None:
    """Pixels that are at least half opaque are flattened on the background; others become transparent."""
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 127))
    image.putpixel((2, 0), (0, 0, 0, 128))
    result = reduce_to_palette(image, "#ffffff").convert("RGBA")
    assert [result.getpixel((x, 0))[3] for x in range(3)] == [0, 0, 255]  # type: ignore[index] # RGBA
    assert result.getpixel((2, 0)) == (127, 127, 127, 255)


@pytest.mark.parametrize(
    ("size", "output_format"),
    [((65_501, 1), "jpeg"), ((16_384, 1), "webp"), ((70_000, 1), "gif"), ((65_537, 1), "avif")],
)
def test_encoder_failures_raise_encoding_failed(size: tuple[int, int], output_format: str) -> None:
    """Sizes beyond a format's own limits give a stable error code."""
    with pytest.raises(EncodingFailed):
        encode(Image.new("RGB", size), Output(format=OutputFormat(output_format)))


def test_large_avif_is_encoded_faster() -> None:
    """The speed grows with the pixels, the number of frames and the encodings for max_bytes."""
    small, middle, large = (Image.new("L", (side, 1000)) for side in (1000, 17_000, 25_000))
    avif, ceiling = Output(format=OutputFormat.AVIF), Output(format=OutputFormat.AVIF, max_bytes=10_000)
    speeds = [choose_avif_speed([image], avif) for image in (small, middle, large)]
    assert speeds == sorted(set(speeds))
    assert choose_avif_speed([middle], ceiling) > choose_avif_speed([middle], avif)
    assert choose_avif_speed([small, small], avif) > choose_avif_speed([small], avif)


def test_sampled_palette_is_as_good_as_a_full_one() -> None:
    """The PSNR is at most 0.5 dB lower on a scene with many colors and noise."""
    shade = Image.radial_gradient("L").resize((600, 400))
    photo = Image.merge("RGB", (Image.effect_noise((600, 400), 50), shade, shade.rotate(180)))
    best = photo.quantize(256, Image.Quantize.MEDIANCUT)
    whole = photo.quantize(palette=best, dither=Image.Dither.FLOYDSTEINBERG)
    assert (
        compute_psnr(reduce_to_palette(photo, "#ffffff").convert("RGB"), photo)
        > compute_psnr(whole.convert("RGB"), photo) - 0.5
    )
