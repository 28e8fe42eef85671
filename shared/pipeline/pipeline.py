"""Pipelines: ordered operations and the outputs to write.

Only these models validate pipelines. The API refuses invalid ones (``INVALID_PIPELINE``, with a pointer to the field),
so the worker receives only valid ones. The operations are in ``shared/pipeline/operations``, the outputs in
``shared/pipeline/output.py``.
"""

from typing import Any, Self

from pydantic import AliasChoices, Field, model_validator

from shared.pipeline.operations import Fit, Grayscale, Operation, Resize, Watermark
from shared.pipeline.operations.parameters import MAX_SIDE
from shared.pipeline.output import Output, OutputFormat
from shared.pipeline.strict import StrictModel

MAX_OPERATIONS = 10
MAX_OUTPUTS = 10
#: The default pipeline scales images down to fit a square with this side, in pixels.
DEFAULT_BOX = 1024

__all__ = [
    "DEFAULT_BOX",
    "DEFAULT_PIPELINE",
    "MAX_OPERATIONS",
    "MAX_OUTPUTS",
    "MAX_SIDE",
    "Fit",
    "Grayscale",
    "Operation",
    "Output",
    "OutputFormat",
    "Pipeline",
    "Resize",
]


class Pipeline(StrictModel):
    """Ordered operations and outputs. ``output`` is accepted for a single output."""

    operations: tuple[Operation, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    outputs: tuple[Output, ...] = Field(
        default=(Output(),),
        min_length=1,
        max_length=MAX_OUTPUTS,
        # Accept two names instead of renaming ``output``, so that errors point to the field that the caller sent.
        validation_alias=AliasChoices("outputs", "output"),
    )

    @model_validator(mode="before")
    @classmethod
    def _single_output(cls, value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
        if not isinstance(value, dict) or "output" not in value:
            return value
        if "outputs" in value:
            msg = "give output or outputs, not both"
            raise ValueError(msg)
        return value | {"output": [value["output"]]}

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [output.name for output in self.outputs]
        if len(set(names)) != len(names):
            msg = "every output needs a unique name"
            raise ValueError(msg)
        return self


#: The default: scale down to fit 1024 × 1024, convert to grayscale, save as PNG.
DEFAULT_PIPELINE = Pipeline(operations=(Resize(width=DEFAULT_BOX, height=DEFAULT_BOX), Grayscale()))


def get_asset_name(operation: Operation) -> str | None:
    """Return the name of the asset that an operation refers to, or None."""
    return operation.image if isinstance(operation, Watermark) else None


def list_asset_names(pipeline: Pipeline) -> frozenset[str]:
    """Return the names of all assets that a pipeline refers to."""
    return frozenset(name for operation in pipeline.operations if (name := get_asset_name(operation)))
