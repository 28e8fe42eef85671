"""PNG: quick for photographs, small for graphics, and always the same pixels."""

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

PICTURES = Path(__file__).parents[4] / "safelight" / "demo_images"
# The contact sheet has borders of one color, and counts as a graphic.
PHOTOGRAPHS = sorted(path for path in PICTURES.glob("*.jpg") if path.stem != "contact-sheet")


def page_of_text(mode: str) -> Image.Image:
    """Return what a screenshot of a document is like."""
    page = Image.new(mode, (600, 400), "white")
    for line in range(20):
        ImageDraw.Draw(page).text((10, 10 + 19 * line), "The same words come again and again. " * 3, "black")
    return page


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_a_gray_photograph_is_packed_quickly(path: Path) -> None:
    """Nothing repeats in a photograph, and without the search its file is hardly larger."""
    with Image.open(path) as photograph:
        gray = photograph.convert("L").resize((640, 480))
    assert choose_packing(gray) is not Packing.SEARCH
    assert len(encode(gray, Output()).data) < 1.2 * len(sample_images.encode(gray, "PNG", optimize=True))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_text_is_packed_thoroughly(mode: str) -> None:
    """Letters repeat, and the file becomes much smaller than a photograph's packing would make it."""
    page = page_of_text(mode)
    assert choose_packing(page) is Packing.SEARCH
    assert len(encode(page, Output()).data) < 0.7 * len(sample_images.encode(page, "PNG", compress_type=zlib.Z_RLE))


@given(
    packing=st.sampled_from(Packing),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 150)),
    seed=st.integers(0, 2**32),
)
def test_every_packing_keeps_every_pixel(packing: Packing, mode: str, size: tuple[int, int], seed: int) -> None:
    """Noise of any size and kind comes back as it was, whichever way it was packed."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    image = Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * bands))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_encoder, "choose_packing", lambda _: packing)
        made = sample_images.decode(png_encoder.write_png(image))
    assert (made.mode, made.size, made.tobytes()) == (image.mode, image.size, image.tobytes())


@pytest.mark.parametrize("mode", ["1", "P", "I;16"])
def test_other_modes_are_left_to_pillow(mode: str) -> None:
    """What has not eight bits a channel is written whole too."""
    image = Image.new(mode, (30, 20), 1)
    made = sample_images.decode(png_encoder.write_png(image))
    assert (made.mode, made.tobytes()) == (image.mode, image.tobytes())
