"""Writing: qualities, byte ceilings and palettes."""

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
def test_quality_decides_the_size(output_format: OutputFormat) -> None:
    """Less quality, fewer bytes; without a wish it is the default."""
    low, high, default = (
        len(encode(PHOTO, Output(format=output_format, quality=quality)).data)
        for quality in (20, 95, output_format.image_format.default_quality)
    )
    assert low < default < high
    assert len(encode(PHOTO, Output(format=output_format)).data) == default


@pytest.mark.parametrize("output_format", LOSSY_FORMATS)
def test_byte_ceiling_is_met_with_the_best_quality_below_it(output_format: OutputFormat) -> None:
    """The file fits, and one step more of quality would not."""
    sizes = [len(encode(PHOTO, Output(format=output_format, quality=quality)).data) for quality in range(1, 81)]
    ceiling = sizes[39]
    made = len(encode(PHOTO, Output(format=output_format, quality=80, max_bytes=ceiling)).data)
    assert made <= ceiling
    best = max(quality for quality, size in enumerate(sizes) if size <= ceiling)
    assert made in sizes[max(0, best - 3) : best + 1]


@settings(max_examples=30, deadline=None)
@given(ceiling=st.integers(256, 6000), output_format=st.sampled_from(LOSSY_FORMATS))
def test_no_ceiling_is_broken_silently(ceiling: int, output_format: OutputFormat) -> None:
    """Whatever is asked for, the file fits or the job fails by its code."""
    try:
        made = encode(PHOTO, Output(format=output_format, max_bytes=ceiling))
    except ByteCeilingUnreachable:
        assert len(encode(PHOTO, Output(format=output_format, quality=1)).data) > ceiling
        return
    assert len(made.data) <= ceiling


def test_ceiling_that_is_met_anyway_costs_no_quality() -> None:
    """A generous ceiling changes nothing."""
    plain = Output(format=OutputFormat.JPEG)
    assert encode(PHOTO, plain).data == encode(PHOTO, plain.model_copy(update={"max_bytes": 10**6})).data


@pytest.mark.parametrize("count", [2, 255, 256])
def test_few_colors_are_kept_exactly_in_a_palette(count: int) -> None:
    """A drawing of up to 256 colors loses nothing in a GIF."""
    image = Image.new("RGB", (count, 2))
    for x in range(count):
        image.paste((x, 255 - x, x // 2), (x, 0, x + 1, 2))
    made = sample_images.decode(encode(image, Output(format=OutputFormat.GIF)).data)
    assert made.convert("RGB").tobytes() == image.tobytes()


def test_gif_cuts_half_transparency_in_two() -> None:
    """At least half opaque lies on the background, the rest is clear."""
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 127))
    image.putpixel((2, 0), (0, 0, 0, 128))
    made = reduce_to_palette(image, "#ffffff").convert("RGBA")
    assert [made.getpixel((x, 0))[3] for x in range(3)] == [0, 0, 255]  # type: ignore[index] # RGBA
    assert made.getpixel((2, 0)) == (127, 127, 127, 255)


@pytest.mark.parametrize(
    ("size", "output_format"),
    [((65_501, 1), "jpeg"), ((16_384, 1), "webp"), ((70_000, 1), "gif"), ((65_537, 1), "avif")],
)
def test_what_an_encoder_refuses_is_a_picture_s_error(size: tuple[int, int], output_format: str) -> None:
    """Beyond a format's own limits, which no result may reach, there is a stable code and no fault."""
    with pytest.raises(EncodingFailed):
        encode(Image.new("RGB", size), Output(format=OutputFormat(output_format)))


def test_large_avif_is_written_faster() -> None:
    """Speed grows with the pixels to be written, and with how often, so that the largest image is in time."""
    small, middle, large = (Image.new("L", (side, 1000)) for side in (1000, 17_000, 25_000))
    avif, ceiling = Output(format=OutputFormat.AVIF), Output(format=OutputFormat.AVIF, max_bytes=10_000)
    speeds = [choose_avif_speed([image], avif) for image in (small, middle, large)]
    assert speeds == sorted(set(speeds))
    assert choose_avif_speed([middle], ceiling) > choose_avif_speed([middle], avif)
    assert choose_avif_speed([small, small], avif) > choose_avif_speed([small], avif)


def test_a_palette_from_a_sample_is_as_good_as_one_from_all_pixels() -> None:
    """Within half a decibel, on a scene with many colors and noise."""
    shade = Image.radial_gradient("L").resize((600, 400))
    photo = Image.merge("RGB", (Image.effect_noise((600, 400), 50), shade, shade.rotate(180)))
    best = photo.quantize(256, Image.Quantize.MEDIANCUT)
    whole = photo.quantize(palette=best, dither=Image.Dither.FLOYDSTEINBERG)
    assert compute_psnr(reduce_to_palette(photo, "#ffffff").convert("RGB"), photo) > compute_psnr(whole.convert("RGB"), photo) - 0.5
