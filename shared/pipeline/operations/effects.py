"""Operations on edges: blur, sharpen, round corners."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.pipeline.operations.parameters import MAX_SIDE, Unit
from shared.pipeline.strict import Integer, Number, StrictModel


class Blur(StrictModel):
    """Blur evenly (Gaussian)."""

    cost: ClassVar[float] = 22.9
    op: Literal["blur"] = "blur"
    radius: Number = Field(default=2.0, gt=0, le=100, description="Standard deviation, pixels.")


class Sharpen(StrictModel):
    """Sharpen with an unsharp mask. Transparency is kept."""

    cost: ClassVar[float] = 29.3
    op: Literal["sharpen"] = "sharpen"
    radius: Number = Field(default=1.0, gt=0, le=20, description="Radius of the mask, pixels.")
    amount: Number = Field(default=1.0, gt=0, le=5, description="Strength; 1 adds the whole difference to the mask.")
    threshold: Integer = Field(default=0, ge=0, le=255, description="Smallest difference, of 255, to sharpen.")


class RoundCorners(StrictModel):
    """Make the corners transparent. A relative radius of 0.5 makes a square a circle."""

    cost: ClassVar[float] = 3.8
    op: Literal["round_corners"] = "round_corners"
    unit: Unit = "pixel"
    radius: Number = Field(gt=0, le=MAX_SIDE, description="Pixels, or a share of the shorter side (at most 0.5).")

    @model_validator(mode="after")
    def _fits_unit(self) -> Self:
        if self.unit == "relative" and self.radius > 0.5:
            msg = "a relative radius is at most 0.5"
            raise ValueError(msg)
        return self
