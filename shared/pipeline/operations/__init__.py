"""The operations of a pipeline, one module per family, and the union of all.

A model's ``cost`` is the CPU time per pixel on opaque photographs, in nanoseconds (``benchmarks/calibrate_plan.py``).
To add an operation, add its model to a module and to the union here, its function to ``worker/imaging/operations``, its
section to ``docs/operations.md`` and its test. If it changes the size, add the computation to
``shared/pipeline/sizes.py``.
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

#: All values of ``op``.
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
