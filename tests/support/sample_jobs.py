"""Jobs for unit tests."""

from datetime import UTC, datetime, timedelta

from shared.jobs.job import Job, JobStatus, RawImage
from shared.jobs.job_spec import JobSpec
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from shared.pipeline.preset import PresetRef

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
RAW = RawImage(key="raw/api/X", size=10, format="JPEG", digest="00" * 32)


def make_job() -> Job:
    """Return a job as the API creates it."""
    return Job.new(
        JobSpec(DEFAULT_PIPELINE, preset=PresetRef("default", 1), assets=(AssetPin("logo", "00" * 32),)),
        job_id="01HZY3Q1M8Z3J5W7XK9V2B4C6D",
        filename="a.jpg",
        raw=RAW,
        owner="someone",
        now=NOW,
        due_after=timedelta(minutes=15),
        retention=timedelta(days=30),
    )


def make_processing_job() -> Job:
    """Return a claimed job."""
    return make_job()._transition(JobStatus.PROCESSING, NOW)
