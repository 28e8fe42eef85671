"""Outputs of a pipeline: own operations, format, quality, size in bytes, and the metadata to keep."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.pipeline import image_formats
from shared.pipeline.image_formats import ImageFormat, list_labels
from shared.pipeline.operations import Operation
from shared.pipeline.strict import Integer, StrictModel

MIN_BYTE_CEILING: Final = 256
#: Operations of a pipeline that all outputs share, and operations of one output.
MAX_OPERATIONS: Final = 10


class OutputFormat(StrEnum):
    """The format of an output."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"

    @property
    def image_format(self) -> ImageFormat:
        """Return the properties of the format."""
        return image_formats.BY_NAME[self.value.upper()]


#: Lossy formats, which take a quality. The others are lossless, except that GIF has at most 256 colors.
LOSSY_FORMATS: Final = tuple(each for each in OutputFormat if each.image_format.default_quality is not None)
#: Formats in which animations are written as animations.
ANIMATED_FORMATS: Final = tuple(each for each in OutputFormat if each.image_format.animation)
#: Of ``ANIMATED_FORMATS``, those in which an animation over the limits becomes a still image instead of an error. PNG
#: is the format of the default pipeline, and most programs expect a still image in it.
STILL_OVER_LIMITS: Final = (OutputFormat.PNG,)
_SPELLINGS: Final = {spelling: each.value for each in OutputFormat for spelling in each.image_format.spellings}
_LOSSY: Final = list_labels(each.image_format for each in LOSSY_FORMATS)


def _accept_spellings(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Accept ``JPG``, ``jpg`` and ``JPEG`` as ``jpeg``."""
    return normalize_format(value) if isinstance(value, str) else value


#: A format by its name or another spelling of it, in upper or lower case.
FormatName = Annotated[OutputFormat, BeforeValidator(_accept_spellings)]


def normalize_format(spelling: str) -> str:
    """Return the name of the format with this spelling, or the spelling in lower case if no format has it."""
    return _SPELLINGS.get(spelling.lower(), spelling.lower())


class Output(StrictModel):
    """One image to write."""

    name: str = Field(default="image", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    format: FormatName = OutputFormat.PNG
    operations: tuple[Operation, ...] = Field(
        default=(),
        max_length=MAX_OPERATIONS,
        description="Operations of this output alone, on the result of the operations that all outputs share.",
        # Documents without own operations stay as versions without this field wrote them.
        exclude_if=lambda operations: not operations,
    )
    quality: Integer | None = Field(default=None, ge=1, le=100, description=f"For {_LOSSY}.")
    max_bytes: Integer | None = Field(
        default=None,
        ge=MIN_BYTE_CEILING,
        description=f"Largest file, for {_LOSSY}: the quality is lowered until it fits, or the job fails.",
    )
    background: str = Field(
        default="#ffffff",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Background color for formats without transparency.",
    )
    keep: tuple[Literal["copyright"], ...] = Field(
        default=(),
        max_length=1,
        description="Metadata to keep: copyright keeps the EXIF tags Artist and Copyright. The rest is removed.",
    )

    @model_validator(mode="after")
    def _fits_format(self) -> Self:
        for name in ("quality", "max_bytes"):
            if getattr(self, name) is not None and self.format not in LOSSY_FORMATS:
                msg = f"{self.format.value} is lossless and takes no {name}"
                raise ValueError(msg)
        if self.keep and not self.format.image_format.copyright:
            msg = f"{self.format.value} can't hold a copyright"
            raise ValueError(msg)
        return self


def is_still_over_limits(formats: Sequence[OutputFormat]) -> bool:
    """Return True if an animation over the limits becomes a still image: all animated outputs can be still images."""
    return all(each in STILL_OVER_LIMITS for each in formats if each in ANIMATED_FORMATS)
