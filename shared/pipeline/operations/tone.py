"""Operations on brightness and color: grayscale, adjust, background."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.pipeline.operations.parameters import Color
from shared.pipeline.strict import Number, StrictModel

Factor = Annotated[Number, Field(ge=0, le=4, description="1 means no change.")]


class Grayscale(StrictModel):
    """Convert to grayscale (ITU-R BT.601 luma). Transparency is kept."""

    cost: ClassVar[float] = 0.7
    op: Literal["grayscale"] = "grayscale"


class Adjust(StrictModel):
    """Change brightness, then contrast, then saturation, each by a factor. Transparency is kept."""

    cost: ClassVar[float] = 5.7
    op: Literal["adjust"] = "adjust"
    brightness: Factor = 1.0
    contrast: Factor = 1.0
    saturation: Factor = 1.0


class Background(StrictModel):
    """Fill transparent areas with a color."""

    cost: ClassVar[float] = 0.0
    op: Literal["background"] = "background"
    color: Color = "#ffffff"
