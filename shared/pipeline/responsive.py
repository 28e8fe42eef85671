"""Responsive outputs: one image in several widths and formats, for ``srcset``.

The widths depend on the image, because nothing is enlarged. So a pipeline stores the request, and ``expand`` turns it
into outputs when the width of the image is known. The API and the worker use the same function.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import Field, model_validator

from shared.pipeline.operations import Resize
from shared.pipeline.operations.parameters import Side
from shared.pipeline.output import LOSSY_FORMATS, FormatName, Output, OutputFormat, normalize_format
from shared.pipeline.strict import Integer, StrictModel

#: Maximum number of outputs of a job.
MAX_OUTPUTS: Final = 40
#: Names of responsive outputs. With ``responsive``, other outputs can't have such a name.
_NAME: Final = re.compile(rf"w[0-9]+-({'|'.join(OutputFormat)})")
_Quality = Integer | None


class ResponsiveQuality(StrictModel):
    """Quality by format. A format without a value has its default quality."""

    jpeg: _Quality = Field(default=None, ge=1, le=100)
    webp: _Quality = Field(default=None, ge=1, le=100)
    avif: _Quality = Field(default=None, ge=1, le=100)

    @model_validator(mode="before")
    @classmethod
    def _accept_spellings(cls, value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
        if not isinstance(value, dict):
            return value
        names = [normalize_format(name) if isinstance(name, str) else name for name in value]
        if len(set(names)) != len(names):
            raise ValueError("a format is there twice")
        return dict(zip(names, value.values(), strict=True))

    def get(self, image_format: OutputFormat) -> int | None:
        """Return the quality for a format, or None for its default quality."""
        return getattr(self, image_format.value, None)


class Responsive(StrictModel):
    """One output per width and format, named like ``w640-avif``. Widths larger than the image are skipped."""

    widths: tuple[Side, ...] = Field(min_length=1, max_length=MAX_OUTPUTS, description="Widths in pixels.")
    formats: tuple[FormatName, ...] = Field(min_length=1, max_length=len(OutputFormat))
    quality: ResponsiveQuality = Field(
        default=ResponsiveQuality(), exclude_if=lambda quality: quality == ResponsiveQuality()
    )

    @model_validator(mode="after")
    def _has_no_duplicates(self) -> Self:
        for name, values in (("width", self.widths), ("format", self.formats)):
            if len(set(values)) != len(values):
                msg = f"every {name} must be different"
                raise ValueError(msg)
        for each in LOSSY_FORMATS:
            if self.quality.get(each) is not None and each not in self.formats:
                msg = f"quality has a value for {each.value}, which is not one of the formats"
                raise ValueError(msg)
        if self.count > MAX_OUTPUTS:
            msg = (
                f"{len(self.widths)} widths in {len(self.formats)} formats are {self.count} outputs; at most"
                f" {MAX_OUTPUTS} are allowed. Use fewer widths or formats"
            )
            raise ValueError(msg)
        return self

    @property
    def count(self) -> int:
        """Return the number of outputs if no width is skipped."""
        return len(self.widths) * len(self.formats)


@dataclass(frozen=True, slots=True)
class SkippedOutput:
    """A responsive output that is not written, and why."""

    name: str
    #: Pixels.
    width: int
    format: OutputFormat
    reason: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """The outputs of one image, and those that are skipped."""

    outputs: tuple[Output, ...]
    skipped: tuple[SkippedOutput, ...] = ()


def expand(responsive: Responsive, width: int) -> Expansion:
    """Return the responsive outputs of an image that is ``width`` pixels wide after the shared operations.

    If all widths are larger than the image, each format is written once, in the width of the image.
    """
    reason = f"The image is {width} pixels wide and is not enlarged."
    fitting = [each for each in responsive.widths if each <= width]
    return Expansion(
        outputs=tuple(
            _make_output(responsive, each, image_format)
            for each in fitting or [width]
            for image_format in responsive.formats
        ),
        skipped=tuple(
            SkippedOutput(_name(each, image_format), each, image_format, reason)
            for each in responsive.widths
            if each > width
            for image_format in responsive.formats
        ),
    )


def is_responsive_name(name: str) -> bool:
    """Return True if a responsive output can have this name."""
    return _NAME.fullmatch(name) is not None


def _make_output(responsive: Responsive, width: int, image_format: OutputFormat) -> Output:
    return Output(
        name=_name(width, image_format),
        format=image_format,
        quality=responsive.quality.get(image_format),
        operations=(Resize(width=width),),
    )


def _name(width: int, image_format: OutputFormat) -> str:
    return f"w{width}-{image_format.value}"
