"""How a job becomes an answer: the routes that show one share its headers and body."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from api.links import Links
from api.schemas import JobView, dump
from shared.jobs import Job

RETRY_AFTER_SECONDS = 1
"""When to ask again for an open job."""


def job_response(job: Job, bucket: str, links: Links, status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    """Answer with a job."""
    headers = headers | {"ETag": etag(job)}
    if not job.status.is_terminal:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return json_response(JobView.of(job, bucket, links), status, headers)


def json_response(view: BaseModel, status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    """Answer with JSON that nobody may keep: a link in it expires, a status changes."""
    all_headers: dict[str, str | list[str]] = {**headers, "Cache-Control": "no-store" if status == 303 else "no-cache"}
    return Response(status, content_type="application/json", body=dump(view), headers=all_headers)


def etag(job: Job) -> str:
    """Name the job's state. Weak: links in the body change with the host that is asked."""
    return f'W/"{job.generation}-{job.attempt}-{job.status.value}"'
