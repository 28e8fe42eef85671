"""PNG: quick for photographs, small for graphics, and always the same pixels."""

from pathlib import Path

import pictures
import pytest
from PIL import Image, ImageDraw

from shared.pipeline import Output
from worker.imaging.encode import encode
from worker.imaging.png import REPEATS, RUNS, packing

PICTURES = Path(__file__).parents[4] / "client" / "pictures"
# The contact sheet has borders of one colour, and counts as a graphic.
PHOTOGRAPHS = sorted(path for path in PICTURES.glob("*.jpg") if path.stem != "contact-sheet")


def page_of_text(mode: str) -> Image.Image:
    """Return what a screenshot of a document is like."""
    page = Image.new(mode, (600, 400), "white")
    for line in range(20):
        ImageDraw.Draw(page).text((10, 10 + 19 * line), "The same words come again and again. " * 3, "black")
    return page


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_a_grey_photograph_is_packed_quickly(path: Path) -> None:
    """Nothing repeats in a photograph, and without the search its file is hardly larger."""
    with Image.open(path) as photograph:
        grey = photograph.convert("L").resize((640, 480))
    assert packing(grey) == RUNS
    assert len(encode(grey, Output()).data) < 1.1 * len(pictures.encoded(grey, "PNG", **REPEATS))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_text_is_packed_thoroughly(mode: str) -> None:
    """Letters repeat, and the file becomes much smaller than a photograph's packing would make it."""
    page = page_of_text(mode)
    assert packing(page) == REPEATS
    assert len(encode(page, Output()).data) < 0.7 * len(pictures.encoded(page, "PNG", **RUNS))


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 48), (3, 49)])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_any_size_can_be_packed(mode: str, size: tuple[int, int]) -> None:
    """Thin, flat and tiny pictures keep every pixel."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    made = pictures.opened(encode(image, Output()).data)
    assert (made.mode, made.tobytes()) == (image.mode, image.tobytes())
