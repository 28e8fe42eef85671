"""Operations on size and shape: resize, crop, rotate, flip, trim, pad."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.pipeline.operations.parameters import MAX_SIDE, TRANSPARENT, Color, Gravity, Side, Unit
from shared.pipeline.strict import Flag, Integer, Number, StrictModel

#: Largest coordinate of a crop, in pixels: the largest allowed value of the setting ``MaxSide``.
MAX_SOURCE_SIDE: Final = 65_535


class Fit(StrEnum):
    """How to fit an image into a box with other proportions."""

    #: Whole image with its proportions, no side longer than the box.
    INSIDE = "inside"
    #: Box filled, proportions kept, the excess cropped.
    COVER = "cover"
    #: Whole image with its proportions, the rest of the box filled with the background.
    CONTAIN = "contain"
    #: Box filled, proportions ignored.
    EXACT = "exact"


class Resize(StrictModel):
    """Change the size. With ``inside``, width or height can be omitted."""

    cost: ClassVar[float] = 9.3
    op: Literal["resize"] = "resize"
    width: Side | None = None
    height: Side | None = None
    fit: Fit = Fit.INSIDE
    enlarge: Flag = Field(default=False, description="Whether to enlarge smaller images.")
    gravity: Gravity = Field(
        default="center",
        description="With cover, the part to keep; with contain, the position of the image.",
    )
    background: Color = Field(default=TRANSPARENT, description="Color that contain fills the rest of the box with.")

    @model_validator(mode="after")
    def _has_its_sides(self) -> Self:
        if self.width is None and self.height is None:
            msg = "resize needs width or height"
            raise ValueError(msg)
        if self.fit is not Fit.INSIDE and (self.width is None or self.height is None):
            msg = f"resize with fit {self.fit.value} needs both width and height"
            raise ValueError(msg)
        return self


class Crop(StrictModel):
    """Crop to a box at ``x`` and ``y``, by gravity, or where the image has the most detail (``entropy``).

    Parts outside the image are ignored. A box that is completely outside fails the job.
    """

    cost: ClassVar[float] = 3.9
    op: Literal["crop"] = "crop"
    unit: Unit = "pixel"
    width: Number = Field(gt=0, le=MAX_SOURCE_SIDE)
    height: Number = Field(gt=0, le=MAX_SOURCE_SIDE)
    x: Number | None = Field(default=None, ge=0, le=MAX_SOURCE_SIDE, description="Left edge, from the left.")
    y: Number | None = Field(default=None, ge=0, le=MAX_SOURCE_SIDE, description="Upper edge, from the top.")
    gravity: Literal[Gravity, "entropy"] = Field(default="center", description="Position if x and y are not given.")

    @field_validator("width", "height", "x", "y")
    @classmethod
    def _fits_unit(cls, value: float | None, info: ValidationInfo) -> float | None:
        unit = info.data.get("unit")
        if value is not None and unit == "relative" and value > 1:
            msg = "a relative length is between 0 and 1"
            raise ValueError(msg)
        if value is not None and unit == "pixel" and not value.is_integer():
            msg = "pixels are whole numbers; shares need unit relative"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if (self.x is None) != (self.y is None):
            msg = "crop needs both x and y, or neither"
            raise ValueError(msg)
        if self.x is not None and self.gravity != "center":
            msg = "crop takes x and y or a gravity, not both"
            raise ValueError(msg)
        return self


class Rotate(StrictModel):
    """Rotate clockwise. Multiples of 90 degrees are lossless."""

    cost: ClassVar[float] = 47.0
    op: Literal["rotate"] = "rotate"
    angle: Number = Field(ge=-360, le=360, description="Degrees, clockwise.")
    expand: Flag = Field(default=True, description="Whether to enlarge the canvas so that no corner is cut off.")
    background: Color = TRANSPARENT


class Flip(StrictModel):
    """Mirror the image."""

    cost: ClassVar[float] = 0.5
    op: Literal["flip"] = "flip"
    direction: Literal["horizontal", "vertical", "both"] = Field(
        default="horizontal",
        description="horizontal swaps left and right, vertical swaps top and bottom.",
    )


class Trim(StrictModel):
    """Remove a border that has the color of the top left pixel. An image of one color is kept whole."""

    cost: ClassVar[float] = 3.5
    op: Literal["trim"] = "trim"
    tolerance: Integer = Field(default=10, ge=0, le=254, description="Largest difference, of 255, within the border.")


Margin = Annotated[Integer, Field(ge=0, le=MAX_SIDE, description="Pixels.")]


class Pad(StrictModel):
    """Add margins around the image."""

    cost: ClassVar[float] = 1.6
    op: Literal["pad"] = "pad"
    top: Margin = 0
    right: Margin = 0
    bottom: Margin = 0
    left: Margin = 0
    background: Color = TRANSPARENT
