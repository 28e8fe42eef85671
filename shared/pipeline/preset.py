"""Presets: pipelines with a name and a version, built in or created by a caller.

A job stores the pipeline as well as the preset's name and version, so its pipeline is known even if the preset is later
changed or deleted. A version never changes: to change a built-in preset, increase its version. A test compares
built-in presets with their stored versions.
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
    """The preset and version that a pipeline came from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One version of a named pipeline."""

    name: str
    #: Starts at 1 and only grows, even if the preset is deleted and created again.
    version: int
    pipeline: Pipeline
    description: str = ""
    #: When this version was created; None for built-in presets.
    created_at: datetime | None = None

    @property
    def built_in(self) -> bool:
        """Return True if the preset is part of Safelight and can't be changed."""
        return self.created_at is None

    @property
    def ref(self) -> PresetRef:
        """Return the name and version that a job stores."""
        return PresetRef(self.name, self.version)


def _built_in(name: str, description: str, pipeline: Pipeline, version: int = 1) -> Preset:
    return Preset(name=name, version=version, pipeline=pipeline, description=description)


def _box(width: int, height: int, fit: Fit, *outputs: Output) -> Pipeline:
    return Pipeline(operations=(Resize(width=width, height=height, fit=fit),), outputs=outputs)


#: The presets of every deployment. Callers can't use their names.
BUILT_IN: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            _built_in("default", "The default: scaled down to fit 1024 × 1024, grayscale, PNG.", DEFAULT_PIPELINE),
            _built_in(
                "thumbnail",
                "A square of 256 pixels, cropped from the center, JPEG.",
                _box(256, 256, Fit.COVER, Output(format=OutputFormat.JPEG, quality=80)),
            ),
            _built_in(
                "preview",
                "Scaled down to fit 640 × 640, JPEG. Suitable for lists.",
                _box(640, 640, Fit.INSIDE, Output(format=OutputFormat.JPEG, quality=78)),
            ),
            _built_in(
                "web",
                "Scaled down to fit 1600 × 1600, WebP. Suitable for web pages.",
                _box(1600, 1600, Fit.INSIDE, Output(format=OutputFormat.WEBP, quality=80)),
            ),
            _built_in(
                "web-compatible",
                "Scaled down to fit 1600 × 1600, WebP, plus JPEG for browsers and mail programs without WebP.",
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
                "1200 × 630, cropped from the center, JPEG. The link preview size of social networks.",
                _box(1200, 630, Fit.COVER, Output(format=OutputFormat.JPEG, quality=85)),
            ),
            _built_in(
                "archive",
                "Original size, upright, sRGB, lossless PNG.",
                Pipeline(outputs=(Output(format=OutputFormat.PNG),)),
            ),
        )
    }
)
