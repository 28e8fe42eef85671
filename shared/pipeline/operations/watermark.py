"""The operation that puts a text or an image on the image."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from shared.pipeline.operations.parameters import Color, Gravity
from shared.pipeline.strict import Flag, Number, StrictModel

#: Characters: drawing time grows with them.
MAX_TEXT: Final = 200

AssetName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of a stored asset."),
]


class Watermark(StrictModel):
    """Lay a line of text, or a stored image, over the image."""

    cost: ClassVar[float] = 8.1
    op: Literal["watermark"] = "watermark"
    text: str | None = Field(default=None, min_length=1, max_length=MAX_TEXT)
    image: AssetName | None = None
    gravity: Gravity = "bottom-right"
    margin: Number = Field(default=0.02, ge=0, le=0.5, description="Distance to the edge, share of the shorter side.")
    scale: Number = Field(
        default=0.25,
        ge=0.01,
        le=1,
        description="Size: the share of the picture's width and height that the mark fits into.",
    )
    opacity: Number = Field(default=0.5, ge=0, le=1)
    angle: Number = Field(default=0.0, ge=-360, le=360, description="Degrees by which the mark is turned clockwise.")
    tile: Flag = Field(default=False, description="Whether the mark is repeated over the whole picture.")
    color: Color = Field(default="#ffffff", description="Of the text.")
    font: Literal["dejavu-sans"] = Field(default="dejavu-sans", description="Of the text.")

    @field_validator("text")
    @classmethod
    def _is_one_visible_line(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and value.strip()):
            msg = "text is one line of printable characters"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_text_or_image(self) -> Self:
        if (self.text is None) == (self.image is None):
            msg = "watermark needs either text or image"
            raise ValueError(msg)
        return self
