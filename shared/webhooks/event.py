"""What is told of a job's end: a CloudEvents 1.0 envelope (https://github.com/cloudevents/spec) around a few facts.

The envelope is thin: what else is to know stands in the job, to which it links. It names no caller.
"""

import json
from dataclasses import dataclass
from typing import Any

from shared.clock import to_iso
from shared.jobs.job import Job, JobStatus

#: Of an event in CloudEvents' structured JSON form.
MEDIA_TYPE = "application/cloudevents+json"
#: Type of the event for each way in which a job may end.
JOB_EVENTS = {
    JobStatus.COMPLETED: "image.job.completed",
    JobStatus.FAILED: "image.job.failed",
    JobStatus.CANCELLED: "image.job.cancelled",
    JobStatus.EXPIRED: "image.job.expired",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event, written out."""

    id: str
    type: str
    #: ID of the job that it is about.
    subject: str
    #: The envelope as JSON.
    body: str


def build_job_event(job: Job, *, source: str, api_url: str) -> Event:
    """Tell of a job that has ended. Raises KeyError for one that has not.

    The ID follows from the job and its generation, and a generation ends once: whoever hears of the same end
    twice hears the same ID. ``api_url`` is the address of the API, empty where only its callers know it; the links
    then are relative to it.
    """
    kind = JOB_EVENTS[job.status]
    place = f"{api_url}/v1/jobs/{job.id}"
    error = job.error
    data: dict[str, Any] = {
        "job_id": job.id,
        "batch_id": job.batch_id,
        "status": job.status.value,
        "filename": job.filename,
        "generation": job.generation,
        "attempts": job.attempt,
        "uploaded_at": to_iso(job.uploaded_at),
        "timestamp": to_iso(job.timestamp),
        "outputs": [
            {"name": each.name, "format": each.format, "width": each.width, "height": each.height, "size": each.size}
            for each in job.outputs
        ],
        "error": error and {"code": error.code, "message": error.message, "retriable": error.retriable},
        "links": {"self": place} | ({"result": f"{place}/result"} if job.outputs else {}),
    }
    return Event(
        id=event_id(job),
        type=kind,
        subject=job.id,
        body=build_envelope(event_id(job), kind, source=source, subject=job.id, time=to_iso(job.timestamp), data=data),
    )


def event_id(job: Job) -> str:
    """Name the end of this generation of a job."""
    return f"evt_{job.id}_{job.generation}"


def build_envelope(  # noqa: PLR0913 - the attributes that CloudEvents demands, and two more
    identifier: str, kind: str, *, source: str, subject: str, time: str, data: dict[str, Any]
) -> str:
    """Write a CloudEvents envelope; members of ``data`` without a value are left out."""
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
