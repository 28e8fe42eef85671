"""What the routes share that take an ``Idempotency-Key``: the header, the lease, the log line."""

from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header

from api.http.idempotency import MAX_KEY, Done
from api.jobs.submission import Submitted

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Of the caller's choosing. The same request under the same key is done once; kept for 24 hours.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]*$"},
    ),
]


def time_left(router: Router) -> timedelta:
    """Return what is left of the invocation: longer, nobody can be at work on the request."""
    return timedelta(milliseconds=router.lambda_context.get_remaining_time_in_millis())


def remembered(submitted: Submitted) -> dict[str, Any]:
    """Return what is kept of an answer that shows a job: the rest is read from its record."""
    return {"job_id": submitted.job.id}


def tell_submitted(log: Logger, what: str, done: Done[Submitted]) -> None:
    """Log an accepted job, or its replay, and what went wrong after it was accepted."""
    facts: dict[str, Any] = {"job_id": done.answer["job_id"]}
    if done.value is None:
        log.info("Answered before", extra=facts)
        return
    job = done.value.job
    log.info(
        what, extra=facts | {"generation": job.generation, "raw_bytes": job.raw.size, "raw_format": job.raw.format}
    )
    if done.value.send_error is not None:
        log.error("Message not sent; the reconciler will", extra=facts, exc_info=done.value.send_error)
    if done.log_error is not None:
        log.error("Answer not kept; a repeated request finds the job", extra=facts, exc_info=done.log_error)
