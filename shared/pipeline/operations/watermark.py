"""The watermark operation: a text or an asset over the image."""

import unicodedata
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from shared.pipeline.operations.parameters import Color, Gravity
from shared.pipeline.strict import Flag, Number, StrictModel

#: Maximum number of characters. The time to draw a text grows with its length.
MAX_TEXT: Final = 200

#: Unicode categories that have no place in a line: control, surrogate, private use, line and paragraph separators.
_REFUSED: Final = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
#: Unicode categories that draw nothing: spaces, and formats such as joiners and text direction.
_INVISIBLE: Final = frozenset({"Zs", "Cf"})

AssetName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of an asset."),
]


class Watermark(StrictModel):
    """Draw a line of text or an asset over the image."""

    cost: ClassVar[float] = 8.1
    op: Literal["watermark"] = "watermark"
    text: str | None = Field(default=None, min_length=1, max_length=MAX_TEXT)
    image: AssetName | None = None
    gravity: Gravity = "bottom-right"
    margin: Number = Field(default=0.02, ge=0, le=0.5, description="Margin, as a fraction of the shorter side.")
    scale: Number = Field(
        default=0.25,
        ge=0.01,
        le=1,
        description="Largest size as a fraction of the image's width and height.",
    )
    opacity: Number = Field(default=0.5, ge=0, le=1)
    angle: Number = Field(default=0.0, ge=-360, le=360, description="Rotation of the watermark, degrees clockwise.")
    tile: Flag = Field(default=False, description="Whether to repeat the watermark over the whole image.")
    color: Color = Field(default="#ffffff", description="Of the text.")
    font: Literal["dejavu-sans"] = Field(default="dejavu-sans", description="Of the text.")

    @field_validator("text")
    @classmethod
    def _is_one_visible_line(cls, value: str | None) -> str | None:
        categories = {unicodedata.category(character) for character in value or ""}
        if value is not None and (categories & _REFUSED or categories <= _INVISIBLE):
            msg = "text is one line of characters, at least one of them visible"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_text_or_image(self) -> Self:
        if (self.text is None) == (self.image is None):
            msg = "watermark needs either text or image"
            raise ValueError(msg)
        return self
