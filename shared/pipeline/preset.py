"""Presets: pipelines with a name and a version, built in or kept by a caller.

A job stores the pipeline itself beside the preset's name and version, so it says what was done even when the
preset has changed or gone. A version, once written, never changes: that of a built-in grows with any change here,
and a test holds each to what it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared.pipeline.pipeline import DEFAULT_PIPELINE, Fit, Output, OutputFormat, Pipeline, Resize

#: Characters.
MAX_DESCRIPTION: Final = 500


@dataclass(frozen=True, slots=True)
class PresetRef:
    """Which version of which preset a pipeline came from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One version of a named pipeline."""

    name: str
    #: 1 at first; it only ever grows, also when the preset is deleted and made anew.
    version: int
    pipeline: Pipeline
    description: str = ""
    #: When this version was written; None for what is built in.
    created_at: datetime | None = None

    @property
    def built_in(self) -> bool:
        """Tell whether it comes with Safelight and can't be changed."""
        return self.created_at is None

    @property
    def ref(self) -> PresetRef:
        """Return name and version."""
        return PresetRef(self.name, self.version)


def _built_in(name: str, description: str, pipeline: Pipeline, version: int = 1) -> Preset:
    return Preset(name=name, version=version, pipeline=pipeline, description=description)


def _box(width: int, height: int, fit: Fit, *outputs: Output) -> Pipeline:
    return Pipeline(operations=(Resize(width=width, height=height, fit=fit),), outputs=outputs)


#: What every deployment has. Their names can't be taken.
BUILT_IN: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            _built_in(
                "default", "What happens when nothing is asked: inside 1024 × 1024, gray, PNG.", DEFAULT_PIPELINE
            ),
            _built_in(
                "thumbnail",
                "A square of 256 pixels cut from the middle, JPEG.",
                _box(256, 256, Fit.COVER, Output(format=OutputFormat.JPEG, quality=80)),
            ),
            _built_in(
                "preview",
                "Inside 640 × 640, JPEG: small enough for a list.",
                _box(640, 640, Fit.INSIDE, Output(format=OutputFormat.JPEG, quality=78)),
            ),
            _built_in(
                "web",
                "Inside 1600 × 1600, WebP: one file for a page.",
                _box(1600, 1600, Fit.INSIDE, Output(format=OutputFormat.WEBP, quality=80)),
            ),
            _built_in(
                "web-compatible",
                "Inside 1600 × 1600, as WebP and as JPEG for browsers and mail programs without it.",
                _box(
                    1600,
                    1600,
                    Fit.INSIDE,
                    Output(name="webp", format=OutputFormat.WEBP, quality=80),
                    Output(name="jpeg", format=OutputFormat.JPEG, quality=82),
                ),
            ),
            _built_in(
                "social",
                "1200 × 630 cut from the middle, JPEG: the card that networks show for a link.",
                _box(1200, 630, Fit.COVER, Output(format=OutputFormat.JPEG, quality=85)),
            ),
            _built_in(
                "archive",
                "Every pixel, upright, sRGB, without loss: PNG in its own size.",
                Pipeline(outputs=(Output(format=OutputFormat.PNG),)),
            ),
        )
    }
)
