"""Operations: each a function from picture and parameters to picture, in one file per family.

``apply`` finds the function by the type of the parameters. An operation that has no function is a
mistake that a test finds before anybody else.
"""

from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from shared.pipeline import Grayscale, Operation, Resize
from worker.imaging.operations.geometry import resize
from worker.imaging.operations.tone import grayscale

FUNCTIONS: Final[dict[type[Any], Callable[[Image.Image, Any], Image.Image]]] = {
    Resize: resize,
    Grayscale: grayscale,
}


def apply(image: Image.Image, operation: Operation) -> Image.Image:
    """Run one operation."""
    return FUNCTIONS[type(operation)](image, operation)
