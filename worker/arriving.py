"""Bytes that S3 says have arrived: which job they belong to."""

from shared.jobs.message import JobMessage
from shared.jobs.object_keys import job_of_direct_key
from shared.jobs.s3_events import Arrival

#: An upload belongs to its job as it was announced; once retried, the job has messages of its own.
FIRST_GENERATION = 1


def message_of(arrival: Arrival, bucket: str) -> JobMessage | None:
    """Return the hint that an arrival is; None for an object that nobody was given a form for."""
    job_id = job_of_direct_key(arrival.key)
    if arrival.bucket != bucket or job_id is None:
        return None
    return JobMessage(job_id=job_id, generation=FIRST_GENERATION)
