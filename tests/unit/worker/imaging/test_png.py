"""PNG packing: fast for photographs, small for graphics, always lossless."""

import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support import sample_images

from shared.pipeline.pipeline import Output
from worker.imaging import png_encoder
from worker.imaging.encode import encode
from worker.imaging.png_encoder import Packing, choose_packing

DEMO_IMAGES = Path(__file__).parents[4] / "safelight" / "demo_images"
# The contact sheet has large areas of one color, so it is not a photograph.
PHOTOGRAPHS = sorted(path for path in DEMO_IMAGES.glob("*.jpg") if path.stem != "contact-sheet")


def draw_text_page(mode: str) -> Image.Image:
    """Return an image similar to a screenshot of a document."""
    page = Image.new(mode, (600, 400), "white")
    for line in range(20):
        ImageDraw.Draw(page).text((10, 10 + 19 * line), "The same words come again and again. " * 3, "black")
    return page


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_gray_photograph_is_packed_without_search(path: Path) -> None:
    """The file is hardly larger than with the search."""
    with Image.open(path) as photograph:
        gray = photograph.convert("L").resize((640, 480))
    assert choose_packing(gray) is not Packing.SEARCH
    assert len(encode(gray, Output()).data) < 1.2 * len(sample_images.encode(gray, "PNG", optimize=True))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_text_is_packed_with_search(mode: str) -> None:
    """Letters repeat, so the file becomes much smaller than with run-length compression."""
    page = draw_text_page(mode)
    assert choose_packing(page) is Packing.SEARCH
    assert len(encode(page, Output()).data) < 0.7 * len(sample_images.encode(page, "PNG", compress_type=zlib.Z_RLE))


@given(
    packing=st.sampled_from(Packing),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 150)),
    seed=st.integers(0, 2**32),
)
def test_every_packing_is_lossless(packing: Packing, mode: str, size: tuple[int, int], seed: int) -> None:
    """Noise of any size and mode is decoded to the same pixels."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    image = Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * bands))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_encoder, "choose_packing", lambda _: packing)
        patch.setattr(png_encoder, "reduce_colors", lambda _: None)
        result = sample_images.decode(png_encoder.write_png(image))
    assert (result.mode, result.size, result.tobytes()) == (image.mode, image.size, image.tobytes())


@pytest.mark.parametrize("mode", ["1", "P", "I;16"])
def test_pillow_writes_other_modes(mode: str) -> None:
    """Images without 8 bits per channel are lossless too."""
    image = Image.new(mode, (30, 20), 1)
    result = sample_images.decode(png_encoder.write_png(image))
    assert (result.mode, result.tobytes()) == (image.mode, image.tobytes())
