"""Pipelines: ordered operations and the outputs to write.

Only these models validate pipelines. The API refuses invalid ones (``INVALID_PIPELINE``, with a pointer to the field),
so the worker receives only valid ones. The operations are in ``shared/pipeline/operations``, the outputs in
``shared/pipeline/output.py``.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

from pydantic import AliasChoices, Field, ValidationInfo, field_validator, model_validator

from shared.pipeline.operations import Fit, Grayscale, Operation, Resize, Watermark
from shared.pipeline.operations.parameters import MAX_SIDE
from shared.pipeline.output import MAX_OPERATIONS, Output, OutputFormat
from shared.pipeline.responsive import MAX_OUTPUTS, Expansion, Responsive, expand, is_responsive_name
from shared.pipeline.strict import StrictModel

#: Largest pipeline as JSON, bytes. The record of a job holds it, and its receipt too. DynamoDB allows 400 KB.
MAX_PIPELINE_BYTES: Final = 64 * 1024
#: The default pipeline scales images down to fit a square with this side, in pixels.
DEFAULT_BOX = 1024

__all__ = [
    "DEFAULT_BOX",
    "DEFAULT_PIPELINE",
    "MAX_OPERATIONS",
    "MAX_OUTPUTS",
    "MAX_PIPELINE_BYTES",
    "MAX_SIDE",
    "Fit",
    "Grayscale",
    "Operation",
    "Output",
    "OutputFormat",
    "Pipeline",
    "Resize",
    "Responsive",
]


class Pipeline(StrictModel):
    """Operations that all outputs share, in order, and outputs. ``output`` is accepted for a single output."""

    operations: tuple[Operation, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    responsive: Responsive | None = Field(
        default=None,
        description="More outputs: one per width and format.",
        exclude_if=lambda responsive: responsive is None,
    )
    outputs: tuple[Output, ...] = Field(
        default=(Output(),),
        max_length=MAX_OUTPUTS,
        description="Can be omitted if there is `responsive`.",
        # Accept two names instead of renaming ``output``, so that errors point to the field that the caller sent.
        validation_alias=AliasChoices("outputs", "output"),
    )

    @model_validator(mode="before")
    @classmethod
    def _complete_outputs(cls, value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
        if not isinstance(value, dict):
            return value
        if "output" not in value:
            is_responsive = value.get("responsive") is not None and "outputs" not in value
            return value | {"outputs": ()} if is_responsive else value
        if "outputs" in value:
            msg = "give output or outputs, not both"
            raise ValueError(msg)
        return value | {"output": [value["output"]]}

    @field_validator("outputs")
    @classmethod
    def _fit_responsive(cls, outputs: tuple[Output, ...], info: ValidationInfo) -> tuple[Output, ...]:
        if "responsive" not in info.data:  # It is invalid and has an error of its own.
            return outputs
        responsive: Responsive | None = info.data["responsive"]
        if responsive is None:
            if not outputs:
                raise ValueError("a pipeline needs outputs or responsive")
            return outputs
        if taken := next(filter(is_responsive_name, (output.name for output in outputs)), None):
            msg = f"the name {taken} is reserved for responsive outputs. Use another name"
            raise ValueError(msg)
        if (count := len(outputs) + responsive.count) > MAX_OUTPUTS:
            msg = (
                f"{len(outputs)} outputs and {responsive.count} responsive outputs are {count} outputs; at most"
                f" {MAX_OUTPUTS} are allowed. Use fewer outputs, widths or formats"
            )
            raise ValueError(msg)
        return outputs

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [output.name for output in self.outputs]
        if len(set(names)) != len(names):
            msg = "every output needs a unique name"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        length = len(self.model_dump_json(exclude_none=True).encode()) if len(self.outputs) > 1 else 0
        if length > MAX_PIPELINE_BYTES:
            msg = (
                f"the pipeline has {length:,} bytes as JSON; at most {MAX_PIPELINE_BYTES:,} are allowed."
                " Use fewer outputs or shorter texts"
            )
            raise ValueError(msg)
        return self

    @property
    def is_single(self) -> bool:
        """Return True if there is exactly one output for every image."""
        return len(self.outputs) == 1 and self.responsive is None

    def expand_outputs(self, width: int) -> Expansion:
        """Return all outputs for an image that is ``width`` pixels wide after the shared operations."""
        if self.responsive is None:
            return Expansion(self.outputs)
        expansion = expand(self.responsive, width)
        return Expansion((*self.outputs, *expansion.outputs), expansion.skipped)

    def iterate_operations(self) -> Iterator[Operation]:
        """Yield the shared operations, then the operations of each output."""
        yield from self.operations
        for output in self.outputs:
            yield from output.operations

    def list_formats(self) -> tuple[OutputFormat, ...]:
        """Return the formats of all outputs, each once."""
        formats = (*(output.format for output in self.outputs), *(self.responsive.formats if self.responsive else ()))
        return tuple(dict.fromkeys(formats))


#: The default: scale down to fit 1024 × 1024, convert to grayscale, save as PNG.
DEFAULT_PIPELINE = Pipeline(operations=(Resize(width=DEFAULT_BOX, height=DEFAULT_BOX), Grayscale()))


def get_asset_name(operation: Operation) -> str | None:
    """Return the name of the asset that an operation refers to, or None."""
    return operation.image if isinstance(operation, Watermark) else None


def list_asset_names(pipeline: Pipeline) -> frozenset[str]:
    """Return the names of all assets that a pipeline refers to."""
    return frozenset(name for operation in pipeline.iterate_operations() if (name := get_asset_name(operation)))
