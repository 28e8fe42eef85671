"""PNG files of images with few colors: smaller color types, and exactly the same pixels."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support import sample_images

from shared.pipeline.pipeline import Output
from worker.imaging import png_encoder
from worker.imaging.color import png_colors
from worker.imaging.color.png_colors import reduce_colors
from worker.imaging.encode import encode
from worker.imaging.png_encoder import write_png

HORSE = Path(__file__).parents[4] / "safelight" / "demo_images" / "horse-transparent.png"
COPYRIGHT = 0x8298


def draw_interface(mode: str = "RGB") -> Image.Image:
    """Return an image similar to a screenshot: text with smooth edges and boxes in a few colors."""
    image = Image.new("RGB", (640, 960), "#f4f4f4")
    draw = ImageDraw.Draw(image)
    for row in range(30):
        draw.rectangle((20, 10 + 30 * row, 120, 30 + 30 * row), fill=("#3060c0", "#d04020")[row % 2])
        draw.text((140, 12 + 30 * row), f"Entry {row} of the list: {row * 7919}", fill="#202020")
    return image.convert(mode)


def paint(mode: str, size: tuple[int, int], colors: list[tuple[int, ...]], seed: int) -> Image.Image:
    """Return an image whose pixels have these colors at random."""
    chosen = Random(seed).choices(colors, k=size[0] * size[1])
    return Image.frombytes(mode, size, bytes(value for color in chosen for value in color))


def to_pixels(image: Image.Image) -> bytes:
    """Return red, green, blue and alpha of every pixel."""
    return image.convert("RGBA").tobytes()


@given(
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    number=st.integers(1, 300),
    in_python=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_pixels_stay_equal(mode: str, size: tuple[int, int], number: int, in_python: bool, seed: int) -> None:
    """Both ways to find the number of a color give the same pixels, including the colors of transparent ones."""
    source = Random(seed)
    colors = [tuple(source.randbytes(len(Image.new(mode, (1, 1)).getbands()))) for _ in range(number)]
    image = paint(mode, size, colors, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_colors, "_SMALL_PIXELS", 10_000 if in_python else 0)
        # Strips of several rows, whose last one is shorter.
        patch.setattr(png_colors, "_STRIP_PIXELS", 500)
        patch.setattr(png_encoder, "_BLOCK_BYTES", 0)
        reduced = reduce_colors(image)
        result = sample_images.decode(write_png(image))
    assert reduced is None or to_pixels(reduced) == to_pixels(image)
    assert to_pixels(result) == to_pixels(image)


@pytest.mark.parametrize(
    ("image", "mode", "factor"),
    [
        (draw_interface(), "P", 0.7),
        (draw_interface("RGBA"), "P", 0.7),
        (Image.linear_gradient("L").resize((1800, 1200)).convert("RGB"), "L", 0.7),
        (Image.open(HORSE).convert("RGBA"), "P", 0.9),
        (draw_interface("L").convert("LA"), "L", 0.9),
    ],
    ids=["screenshot", "opaque alpha", "gray in RGB", "logo with alpha", "gray"],
)
def test_flat_graphics_get_a_smaller_color_type(image: Image.Image, mode: str, factor: float) -> None:
    """The file is smaller than with one byte per channel, and has the same pixels."""
    data = encode(image, Output()).data
    assert len(data) < factor * len(png_encoder.encode_plain(image, b""))
    result = sample_images.decode(data)
    assert result.mode == mode
    assert to_pixels(result) == to_pixels(image)


def test_files_of_one_block_keep_their_color_type() -> None:
    """An image of one color is small anyway, so programs that read its pixels find them as they expect."""
    assert sample_images.decode(write_png(Image.new("RGB", (640, 480), "#3060c0"))).mode == "RGB"
    assert sample_images.decode(write_png(Image.new("L", (1024, 1024), 0))).mode == "L"


def test_palette_takes_as_few_bits_as_possible() -> None:
    """Three colors take two bits per pixel, as IHDR says."""
    image = paint("RGB", (200, 200), [(0, 0, 0), (250, 0, 0), (0, 0, 250)], 1)
    depth, color_type = write_png(image)[24:26]
    assert (depth, color_type) == (2, 3)


def test_smaller_file_wins() -> None:
    """A small image with 200 random colors is larger with a palette."""
    source = Random(1)
    image = paint("RGB", (8, 8), [tuple(source.randbytes(3)) for _ in range(200)], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_encoder, "_BLOCK_BYTES", 0)
        result = sample_images.decode(write_png(image))
    assert reduce_colors(image) is not None
    assert result.mode == "RGB"


def test_images_with_more_colors_stay() -> None:
    """A photograph, and an image whose 257th color is a single pixel that no sample contains."""
    assert reduce_colors(sample_images.make_noise(64, 64)) is None
    image = paint("RGB", (600, 600), [(value, 0, 0) for value in range(256)], 1)
    assert reduce_colors(image) is not None
    image.putpixel((301, 307), (1, 2, 3))
    assert reduce_colors(image) is None


@pytest.mark.parametrize(
    "image",
    [
        draw_interface("L"),
        draw_interface("L").point(lambda level: 255 * (level > 128)),
        Image.merge("LA", [draw_interface("L"), draw_interface("L")]),
    ],
    ids=["many levels", "black and white", "alpha"],
)
def test_gray_images_stay_gray(image: Image.Image) -> None:
    """A gray image keeps its color type, also if a palette would be smaller."""
    data = encode(image, Output()).data
    assert len(data) > png_encoder._BLOCK_BYTES
    assert sample_images.decode(data).mode == image.mode
    assert to_pixels(sample_images.decode(data)) == to_pixels(image)


def test_copyright_is_kept_in_a_palette() -> None:
    """EXIF is written with every color type."""
    output = Output.model_validate({"keep": ["copyright"]})
    data = encode(draw_interface(), output, ((COPYRIGHT, b"A. Author"),)).data
    result = sample_images.decode(data)
    assert (result.mode, result.getexif()[COPYRIGHT]) == ("P", "A. Author")


def test_file_depends_on_the_pixels_only() -> None:
    """An opaque image has the same file with and without an alpha channel, and again after decoding."""
    image = draw_interface()
    data = write_png(image)
    assert write_png(image.convert("RGBA")) == data
    assert write_png(sample_images.decode(data).convert("RGB")) == data


def test_every_number_of_colors_has_a_divisor_or_a_fallback() -> None:
    """Without a divisor, the colors are looked up one by one."""
    image = paint("RGBA", (300, 300), [(0, value, 0, 0) for value in range(256)], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_colors, "_MAX_DIVISOR", 256)
        reduced = reduce_colors(image)
    assert reduced is not None
    assert to_pixels(reduced) == to_pixels(image)
