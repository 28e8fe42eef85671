"""What may be asked of an image: ordered operations and the outputs to write.

These models are the one place where a pipeline is validated; the API refuses what does not fit
(``INVALID_PIPELINE``, with a pointer to the field), so that the worker only ever sees valid ones.
The operations themselves are in ``shared/operations``, the outputs in ``shared/pipeline/output.py``.
"""

from typing import Any, Self

from pydantic import AliasChoices, Field, model_validator

from shared.pipeline.operations import Fit, Grayscale, Operation, Resize, Watermark
from shared.pipeline.operations.parameters import MAX_SIDE
from shared.pipeline.output import Output, OutputFormat
from shared.pipeline.strict import StrictModel

MAX_OPERATIONS = 10
MAX_OUTPUTS = 10
#: Side of the box that the default pipeline fits an image into, pixels.
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
    """Ordered operations and the outputs; ``output`` is accepted for a single one."""

    operations: tuple[Operation, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    outputs: tuple[Output, ...] = Field(
        default=(Output(),),
        min_length=1,
        max_length=MAX_OUTPUTS,
        # Two names, not a rewritten one: errors point at what was sent.
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
            msg = "every output needs a name of its own"
            raise ValueError(msg)
        return self


#: What happens when nothing is asked: fit 1024 × 1024 without enlarging, gray, PNG.
DEFAULT_PIPELINE = Pipeline(operations=(Resize(width=DEFAULT_BOX, height=DEFAULT_BOX), Grayscale()))


def get_asset_name(operation: Operation) -> str | None:
    """Return the name of the stored image that an operation refers to, if it does."""
    return operation.image if isinstance(operation, Watermark) else None


def list_asset_names(pipeline: Pipeline) -> frozenset[str]:
    """Return the names of all stored images that a pipeline refers to."""
    return frozenset(name for operation in pipeline.operations if (name := get_asset_name(operation)))
