"""What may be asked of a picture: ordered operations and the outputs to write.

These models are the one place where a pipeline is validated; the API refuses what does not fit
(``INVALID_PIPELINE``, with a pointer to the field), so that the worker only ever sees valid ones.
A new operation adds its model here, its function in ``worker/imaging/operations`` and its test.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared import formats
from shared.formats import ImageFormat

MAX_SIDE = 10_000
"""Longest side of a result, pixels."""
MAX_OPERATIONS = 10
MAX_OUTPUTS = 10
DEFAULT_BOX = 1024
"""Side of the box that the default pipeline fits a picture into, pixels."""

Side = Annotated[int, Field(ge=1, le=MAX_SIDE, description="Pixels.")]


class _Model(BaseModel):
    """Frozen, and no field goes unnoticed: a misspelt option is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Fit(StrEnum):
    """How a picture is brought to a box of another shape."""

    INSIDE = "inside"
    """Whole picture, proportions kept, no side longer than the box's."""
    COVER = "cover"
    """Box filled, proportions kept, the overhang cut off evenly."""
    EXACT = "exact"
    """Box filled, proportions given up."""


class Resize(_Model):
    """Change the size. One side may be left out with ``inside``; the other fits alone then."""

    op: Literal["resize"] = "resize"
    width: Side | None = None
    height: Side | None = None
    fit: Fit = Fit.INSIDE
    enlarge: bool = Field(default=False, description="Whether a smaller picture is made larger.")

    @model_validator(mode="after")
    def _has_its_sides(self) -> Self:
        if self.width is None and self.height is None:
            msg = "resize needs width or height"
            raise ValueError(msg)
        if self.fit is not Fit.INSIDE and (self.width is None or self.height is None):
            msg = f"resize with fit {self.fit.value} needs both width and height"
            raise ValueError(msg)
        return self


class Grayscale(_Model):
    """Turn the picture grey (ITU-R BT.601 luma); transparency stays."""

    op: Literal["grayscale"] = "grayscale"


Operation = Annotated[Resize | Grayscale, Field(discriminator="op")]


class OutputFormat(StrEnum):
    """Formats that can be written."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"

    @property
    def image_format(self) -> ImageFormat:
        """Return the format's facts."""
        return formats.BY_NAME[self.value.upper()]


def _accept_spellings(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Let ``JPG``, ``jpg`` and ``JPEG`` mean ``jpeg``."""
    if not isinstance(value, str):
        return value
    lower = value.lower()
    return "jpeg" if lower == "jpg" else lower


class Output(_Model):
    """One processed image to write."""

    name: str = Field(default="image", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    format: Annotated[OutputFormat, BeforeValidator(_accept_spellings)] = OutputFormat.PNG
    quality: int | None = Field(default=None, ge=1, le=100, description="For JPEG and WebP.")
    background: str = Field(
        default="#ffffff",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Colour behind transparency where the format has none.",
    )

    @model_validator(mode="after")
    def _quality_fits_format(self) -> Self:
        if self.quality is not None and self.format is OutputFormat.PNG:
            msg = "png is lossless and takes no quality"
            raise ValueError(msg)
        return self


class Pipeline(_Model):
    """Ordered operations and the outputs; ``output`` is accepted for a single one."""

    operations: tuple[Operation, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    outputs: tuple[Output, ...] = Field(default=(Output(),), min_length=1, max_length=MAX_OUTPUTS)

    @model_validator(mode="before")
    @classmethod
    def _single_output(cls, value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
        if not isinstance(value, dict) or "output" not in value:
            return value
        if "outputs" in value:
            msg = "give output or outputs, not both"
            raise ValueError(msg)
        return {key: each for key, each in value.items() if key != "output"} | {"outputs": [value["output"]]}

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [output.name for output in self.outputs]
        if len(set(names)) != len(names):
            msg = "every output needs a name of its own"
            raise ValueError(msg)
        return self


DEFAULT_PIPELINE = Pipeline(operations=(Resize(width=DEFAULT_BOX, height=DEFAULT_BOX), Grayscale()))
"""What happens when nothing is asked: fit 1024 × 1024 without enlarging, grey, PNG."""
