"""The job spec: what a caller chooses for a job."""

from dataclasses import dataclass, fields
from typing import Any

from shared.errors import PipelineUnreadable
from shared.pipeline.asset import AssetPin
from shared.pipeline.facts import DEFAULT_FACTS, FactsRequest
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a caller chooses for a job. A job has these fields, and a batch has them for its members."""

    #: None if this version can't read the stored pipeline.
    pipeline: Pipeline | None
    #: The preset that the pipeline came from.
    preset: PresetRef | None = None
    #: Stored images that the pipeline refers to, pinned to their content when the job was created.
    assets: tuple[AssetPin, ...] = ()
    #: Name of the owner's webhook that is notified when the job ends.
    webhook: str | None = None
    #: ID of the upload token with which the job was created.
    token_id: str | None = None
    #: Names and values that the creator of the upload token gave its jobs.
    tags: tuple[tuple[str, str], ...] = ()
    #: Which facts about the image are collected. None if none are.
    facts_request: FactsRequest | None = DEFAULT_FACTS

    def spec_fields(self) -> dict[str, Any]:
        """Return the fields of the spec by name, without those of a subclass."""
        return {field.name: getattr(self, field.name) for field in fields(JobSpec)}

    def require_pipeline(self) -> Pipeline:
        """Return the pipeline, or raise PipelineUnreadable."""
        if self.pipeline is None:
            raise PipelineUnreadable
        return self.pipeline

    @property
    def spec(self) -> "JobSpec":
        """Return the spec alone."""
        return JobSpec(**self.spec_fields())
