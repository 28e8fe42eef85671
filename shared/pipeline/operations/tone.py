"""Operations that change light and color: grayscale, adjust, background."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.pipeline.operations.parameters import Color
from shared.pipeline.strict import Number, StrictModel

Factor = Annotated[Number, Field(ge=0, le=4, description="1 changes nothing.")]


class Grayscale(StrictModel):
    """Turn the image gray (ITU-R BT.601 luma); transparency stays."""

    cost: ClassVar[float] = 0.7
    op: Literal["grayscale"] = "grayscale"


class Adjust(StrictModel):
    """Change brightness, then contrast, then saturation, each by a factor; transparency stays."""

    cost: ClassVar[float] = 5.7
    op: Literal["adjust"] = "adjust"
    brightness: Factor = 1.0
    contrast: Factor = 1.0
    saturation: Factor = 1.0


class Background(StrictModel):
    """Lay the image on a color, wherever it is transparent."""

    cost: ClassVar[float] = 0.0
    op: Literal["background"] = "background"
    color: Color = "#ffffff"
