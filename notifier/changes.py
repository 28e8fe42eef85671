"""Changes of the job table, as its stream tells them."""

from collections.abc import Mapping
from typing import Any

from shared.aws.dynamodb.job_item import from_item, from_wire
from shared.errors import BadMessage
from shared.jobs.job import Job


def ended_job(record: Mapping[str, Any]) -> Job | None:
    """Return the job that has ended by this change; None where the change is another one.

    A record that has ended is written again only by a retry, which opens it, or by its deletion, which leaves a
    tombstone: so the new image alone tells that this write was the end. Raises BadMessage for what is no job.
    """
    if record.get("eventName") != "MODIFY":
        return None
    try:
        job = from_item(from_wire(record["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage from error
    return job if job.status.is_terminal and job.deleted_at is None else None
