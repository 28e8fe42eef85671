"""Jobs that tests begin with."""

from datetime import UTC, datetime, timedelta

from shared.jobs.job import Job, JobStatus, RawImage
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from shared.pipeline.preset import PresetRef

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
RAW = RawImage(key="raw/api/X", size=10, format="JPEG", digest="00" * 32)


def new_job() -> Job:
    """Return a job as the API makes it."""
    return Job.new(
        job_id="01HZY3Q1M8Z3J5W7XK9V2B4C6D",
        filename="a.jpg",
        raw=RAW,
        pipeline=DEFAULT_PIPELINE,
        owner="someone",
        now=NOW,
        due_after=timedelta(minutes=15),
        keep_for=timedelta(days=30),
        preset=PresetRef("default", 1),
        assets=(AssetPin("logo", "00" * 32),),
    )


def processing_job() -> Job:
    """Return a job that a worker holds."""
    return new_job()._moved(JobStatus.PROCESSING, NOW)
