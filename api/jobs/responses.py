"""Responses that show a job, and what the request log stores for repeated requests."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response

from api.http.idempotency import Done
from api.http.links import Links
from api.http.responses import json_response
from api.jobs.lifecycle import get_own_job
from api.jobs.schemas import JobView, Sign
from api.jobs.submission import Submitted
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.filenames import replace_extension
from shared.jobs.job import Job, ProcessedImage
from shared.jobs.upload_token import UploadToken
from shared.pipeline.facts import ImageFacts, read_facts
from shared.pipeline.image_formats import BY_NAME

#: Outputs with links on a page. A link and the facts of an output have up to 1.8 KB.
MAX_LINKED_OUTPUTS = 1000
#: How many seconds callers should wait before they poll an open job again.
RETRY_AFTER_SECONDS = 1


def job_response(  # noqa: PLR0913, PLR0917 - the job and the request
    job: Job,
    bucket: str,
    links: Links,
    status: HTTPStatus,
    headers: dict[str, str],
    if_none_match: str | None = None,
    *,
    warnings: tuple[str, ...] = (),
    facts: ImageFacts | None = None,
) -> Response[Any]:
    """Return a response that shows a job. ``warnings`` are about the request, and come before those of the job."""
    view = JobView.of(job, bucket, links, facts=facts)
    if warnings:
        view = view.model_copy(update={"warnings": [*warnings, *view.warnings]})
    return json_response(view, status, job_headers(job, headers), if_none_match=if_none_match)


def select_facts(job: Job, grant: UploadToken | None) -> ImageFacts | None:
    """Return the facts that the caller may see. With an upload token, which others can have too, none of metadata."""
    facts = read_facts(job.facts) if job.facts is not None else None
    return facts.without_metadata() if facts and grant else facts


def job_headers(job: Job, headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with the job's ``ETag`` and, while the job is open, ``Retry-After``."""
    tagged = headers | {"ETag": job_tag(job)}
    return tagged if job.status.is_terminal else tagged | {"Retry-After": str(RETRY_AFTER_SECONDS)}


def job_tag(job: Job) -> str:
    """Return the entity tag of a job. It is weak, because the links in the body depend on the request's host."""
    return f'W/"{job.generation}-{job.attempt}-{job.status.value}"'


def make_signer(images: ImageStore, now: datetime, lifetime: timedelta) -> Sign:
    """Return a function that returns a link to an output. A download gets the file name of the job."""

    def sign(job: Job, output: ProcessedImage) -> str:
        filename = replace_extension(job.filename, BY_NAME[output.format].extension)
        return images.link(output, filename=filename, lifetime=lifetime, now=now).url

    return sign


def limit_outputs(jobs: Sequence[Job]) -> Sequence[Job]:
    """Return the first jobs of a page, at least one, whose links fit into a response of a Lambda function (6 MB)."""
    total = 0
    for count, job in enumerate(jobs):
        total += len(job.outputs)
        if total > MAX_LINKED_OUTPUTS and count:
            return jobs[:count]
    return jobs


def remember_job(submitted: Submitted) -> dict[str, Any]:
    """Return what the request log stores for a response that shows a job. A repeated request reads the job again."""
    return {"job_id": submitted.job.id}


def get_submitted_job(done: Done[Submitted], owner: str, jobs: JobTable) -> Job:
    """Return the job of an accepted request. For a repeated request, it is read from the table.

    Raises JobNotFound if the job was deleted after the first request, or ServiceError if DynamoDB fails.
    """
    return done.value.job if done.value else get_own_job(done.answer["job_id"], owner, jobs)


def log_submission(log: Logger, event: str, done: Done[Submitted]) -> None:
    """Log an accepted job or a repeated request, and any error that occurred after the job was accepted."""
    facts: dict[str, Any] = {"job_id": done.answer["job_id"]}
    if done.value is None:
        log.info("Stored response returned", extra=facts)
        return
    job = done.value.job
    log.info(
        event, extra=facts | {"generation": job.generation, "raw_bytes": job.raw.size, "raw_format": job.raw.format}
    )
    log_send_error(log, done.value, facts)
    if done.log_error is not None:
        log.error("Response not stored; a repeated request finds the job", extra=facts, exc_info=done.log_error)


def log_send_error(log: Logger, submitted: Submitted, facts: Mapping[str, Any]) -> None:
    """Log that the message of an accepted job was not sent, if so."""
    if submitted.send_error is not None:
        log.error("Message not sent; the reconciler sends it later", extra=dict(facts), exc_info=submitted.send_error)
