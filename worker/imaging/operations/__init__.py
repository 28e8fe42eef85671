"""Operations: each a function from picture and parameters to picture, in one file per family.

``apply`` finds the function by the type of the parameters. An operation that has no function is a
mistake that a test finds before anybody else.
"""

from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from shared.pipeline import Grayscale, Operation, Resize
from worker.imaging.operations.geometry import resize, resized_size
from worker.imaging.operations.tone import grayscale

FUNCTIONS: Final[dict[type[Any], Callable[[Image.Image, Any], Image.Image]]] = {
    Resize: resize,
    Grayscale: grayscale,
}
SIZES: Final[dict[type[Any], Callable[[tuple[int, int], Any], tuple[int, int]]]] = {
    Resize: resized_size,
}
"""Size after an operation, from the size before; operations that are not here keep it."""


def apply(image: Image.Image, operation: Operation) -> Image.Image:
    """Run one operation."""
    return FUNCTIONS[type(operation)](image, operation)


def size_after(size: tuple[int, int], operation: Operation) -> tuple[int, int]:
    """Return the size that one operation leads to, without running it."""
    measure = SIZES.get(type(operation))
    return measure(size, operation) if measure else size
