"""What may be asked of a result: its format, quality, size in bytes, and what of the metadata stays."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.pipeline import image_formats
from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.strict import Integer, StrictModel

MIN_BYTE_CEILING: Final = 256


class OutputFormat(StrEnum):
    """Formats that can be written."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"

    @property
    def image_format(self) -> ImageFormat:
        """Return the format's facts."""
        return image_formats.BY_NAME[self.value.upper()]


#: Formats that give up detail for size; the others keep what they are given (GIF: 256 colors of it).
WITH_QUALITY: Final = (OutputFormat.JPEG, OutputFormat.WEBP, OutputFormat.AVIF)
#: Formats that hold an animation.
ANIMATED: Final = (OutputFormat.PNG, OutputFormat.WEBP, OutputFormat.AVIF, OutputFormat.GIF)
_SPELLINGS: Final = {"jpg": "jpeg", "tif": "tiff"}


def _accept_spellings(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Let ``JPG``, ``jpg`` and ``JPEG`` mean ``jpeg``."""
    if not isinstance(value, str):
        return value
    lower = value.lower()
    return _SPELLINGS.get(lower, lower)


class Output(StrictModel):
    """One processed image to write."""

    name: str = Field(default="image", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    format: Annotated[OutputFormat, BeforeValidator(_accept_spellings)] = OutputFormat.PNG
    quality: Integer | None = Field(default=None, ge=1, le=100, description="For JPEG, WebP and AVIF.")
    max_bytes: Integer | None = Field(
        default=None,
        ge=MIN_BYTE_CEILING,
        description="Largest file, for JPEG, WebP and AVIF: the quality goes down until it fits, or the job fails.",
    )
    background: str = Field(
        default="#ffffff",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Color behind transparency where the format has none.",
    )
    keep: tuple[Literal["copyright"], ...] = Field(
        default=(),
        max_length=1,
        description="Metadata that stays: copyright keeps the EXIF tags Artist and Copyright. All other is removed.",
    )

    @model_validator(mode="after")
    def _fits_format(self) -> Self:
        for name in ("quality", "max_bytes"):
            if getattr(self, name) is not None and self.format not in WITH_QUALITY:
                msg = f"{self.format.value} is lossless and takes no {name}"
                raise ValueError(msg)
        if self.keep and self.format is OutputFormat.GIF:
            msg = "gif has no place for a copyright"
            raise ValueError(msg)
        return self
