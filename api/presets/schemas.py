"""Request body and views of presets."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.http.invalid_fields import field_errors
from api.http.schemas import Timestamp, View
from shared.errors import InvalidPipeline, InvalidRequest
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import MAX_DESCRIPTION, Preset


class PresetBody(BaseModel):
    """The body of ``PUT /v1/presets/{name}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: Pipeline
    description: str = Field(default="", max_length=MAX_DESCRIPTION)

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Return the validated body.

        Raises InvalidPipeline if only the pipeline is invalid, or InvalidRequest if another field is invalid.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            errors = field_errors(error, cls)
            in_pipeline = all(each.pointer.startswith("/pipeline") for each in errors) and "pipeline" in fields
            raise (InvalidPipeline if in_pipeline else InvalidRequest)(errors=errors) from error


class PresetView(View):
    """One version of a preset."""

    name: str
    version: int
    description: str
    built_in: bool = Field(description="True if the preset is part of Safelight, so that it can't be changed.")
    created_at: Timestamp | None = Field(description="When this version was created. Null for built-in presets.")
    pipeline: Pipeline

    @classmethod
    def of(cls, preset: Preset) -> Self:
        """Return the view of a preset."""
        return cls(
            name=preset.name,
            version=preset.version,
            description=preset.description,
            built_in=preset.built_in,
            created_at=preset.created_at,
            pipeline=preset.pipeline,
        )


class PresetPageView(View):
    """A page of the caller's presets, sorted by name. The first page starts with the built-in presets."""

    presets: list[PresetView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")
