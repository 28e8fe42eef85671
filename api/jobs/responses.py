"""How a job becomes an answer: the routes that show one share its headers and body."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from api.http.links import Links
from api.jobs.schemas import JobView, dump
from shared.jobs.job import Job

#: When to ask again for an open job.
RETRY_AFTER_SECONDS = 1


def job_response(job: Job, bucket: str, links: Links, status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    """Answer with a job."""
    return json_response(JobView.of(job, bucket, links), status, job_headers(job, headers))


def job_headers(job: Job, headers: dict[str, str]) -> dict[str, str]:
    """Add what every answer has that shows a job: its tag, and when to ask again."""
    told = headers | {"ETag": etag(job)}
    return told if job.status.is_terminal else told | {"Retry-After": str(RETRY_AFTER_SECONDS)}


def json_response(view: BaseModel, status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    """Answer with JSON that nobody may keep: a link in it expires, a status changes."""
    all_headers: dict[str, str | list[str]] = {**headers, "Cache-Control": "no-store" if status == 303 else "no-cache"}
    return Response(status, content_type="application/json", body=dump(view), headers=all_headers)


def etag(job: Job) -> str:
    """Name the job's state. Weak: links in the body change with the host that is asked."""
    return f'W/"{job.generation}-{job.attempt}-{job.status.value}"'
