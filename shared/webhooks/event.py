"""Events that report the end of a job, as CloudEvents 1.0 (https://github.com/cloudevents/spec).

An event contains few facts, and a link to the job for the rest. It does not name the owner.
"""

import json
from dataclasses import dataclass
from typing import Any

from shared.clock import to_iso
from shared.jobs.job import Job, JobStatus

#: Media type of CloudEvents in structured JSON mode.
MEDIA_TYPE = "application/cloudevents+json"
#: Event type by the final status of a job.
JOB_EVENTS = {
    JobStatus.COMPLETED: "image.job.completed",
    JobStatus.FAILED: "image.job.failed",
    JobStatus.CANCELLED: "image.job.cancelled",
    JobStatus.EXPIRED: "image.job.expired",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One serialized event."""

    id: str
    type: str
    #: Job ID.
    subject: str
    #: The CloudEvents document as JSON.
    body: str


def build_job_event(job: Job, *, source: str, api_url: str) -> Event:
    """Return the event of a job that has ended. Raises KeyError if the job has not ended.

    The event ID is derived from the job ID and the generation. A generation ends only once, so duplicates of an event
    have the same ID. ``api_url`` is the URL of the API. If ``api_url`` is empty, the links are relative to that URL.
    """
    kind = JOB_EVENTS[job.status]
    job_url = f"{api_url}/v1/jobs/{job.id}"
    error = job.error
    data: dict[str, Any] = {
        "job_id": job.id,
        "batch_id": job.batch_id,
        "status": job.status.value,
        "filename": job.filename,
        "tags": dict(job.tags) or None,
        "generation": job.generation,
        "attempts": job.attempt,
        "uploaded_at": to_iso(job.uploaded_at),
        "timestamp": to_iso(job.timestamp),
        "outputs": [
            {"name": each.name, "format": each.format, "width": each.width, "height": each.height, "size": each.size}
            for each in job.outputs
        ],
        "error": error and {"code": error.code, "message": error.message, "retriable": error.retriable},
        "links": {"self": job_url} | ({"result": f"{job_url}/result"} if job.outputs else {}),
    }
    return Event(
        id=event_id(job),
        type=kind,
        subject=job.id,
        body=build_envelope(event_id(job), kind, source=source, subject=job.id, time=to_iso(job.timestamp), data=data),
    )


def event_id(job: Job) -> str:
    """Return the event ID for the end of a job's generation."""
    return f"evt_{job.id}_{job.generation}"


def build_envelope(  # noqa: PLR0913 - the attributes of CloudEvents
    identifier: str, kind: str, *, source: str, subject: str, time: str, data: dict[str, Any]
) -> str:
    """Return a CloudEvents document. Members of ``data`` that are None are left out."""
    document = {
        "specversion": "1.0",
        "id": identifier,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "data": {name: value for name, value in data.items() if value is not None},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
