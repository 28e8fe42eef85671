"""The operations that may be asked for, one module per family, and the union of them all.

A new operation adds its model here, its size in ``shared/pipeline/sizes.py`` if it changes it, its function in
``worker/imaging/operations``, its section in ``docs/operations.md`` and its test.
"""

from typing import Annotated, Final, get_args

from pydantic import Field

from shared.pipeline.operations.effects import Blur, RoundCorners, Sharpen
from shared.pipeline.operations.geometry import Crop, Fit, Flip, Pad, Resize, Rotate, Trim
from shared.pipeline.operations.tone import Adjust, Background, Grayscale
from shared.pipeline.operations.watermark import Watermark

AnyOperation = (
    Resize
    | Crop
    | Rotate
    | Flip
    | Trim
    | Pad
    | Grayscale
    | Adjust
    | Background
    | Blur
    | Sharpen
    | RoundCorners
    | Watermark
)
Operation = Annotated[AnyOperation, Field(discriminator="op")]

#: The values of ``op``.
NAMES: Final = tuple(each.model_fields["op"].default for each in get_args(AnyOperation))

__all__ = [
    "NAMES",
    "Adjust",
    "AnyOperation",
    "Background",
    "Blur",
    "Crop",
    "Fit",
    "Flip",
    "Grayscale",
    "Operation",
    "Pad",
    "Resize",
    "Rotate",
    "RoundCorners",
    "Sharpen",
    "Trim",
    "Watermark",
]
