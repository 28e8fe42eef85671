"""``/v1/jobs/{id}``: cancel, retry, delete."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.idempotency import Done, keyed, once
from api.http.idempotency_key import IdempotencyKey, remembered, tell_submitted, time_left
from api.http.links import Links
from api.http.parameters import JobId
from api.jobs.deletion_view import DeletionView
from api.jobs.job_spec import choose
from api.jobs.lifecycle import cancel_job, delete_job, own_job, retry_job
from api.jobs.options import Options, read_options
from api.jobs.responses import job_response, json_response
from api.jobs.schemas import JobView
from api.jobs.submission import Submitted
from api.openapi.document import documented
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import (
    BadJson,
    FieldError,
    InvalidPipeline,
    InvalidRequest,
    JobFinished,
    JobNotFound,
    JobNotRetriable,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    UnknownPreset,
    UnsupportedMediaType,
    WatermarkNotFound,
)

router = Router()


@router.post(
    "/v1/jobs/<job_id>/cancel",
    summary="Cancel a job",
    tags=["Jobs"],
    responses=documented(
        {200: ("The cancelled job.", JobView)}, JobNotFound, JobFinished, KeyInvalid, KeyInUse, KeyReused
    ),
)
def cancel(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """End a job that has not ended; a running attempt's result is thrown away."""
    owner = caller(router.current_event)
    request = keyed(idempotency_key, owner, "POST /v1/jobs/{job_id}/cancel", job_id.upper())

    def end(ticket: Reservation) -> Submitted:
        return Submitted(cancel_job(job_id, owner, dependencies.desk(), at=ticket.at, again=ticket.is_repeat), None)

    done = once(request, end, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Job cancelled", done)
    return _answer(done, owner, dependencies, HTTPStatus.OK, {})


@router.post(
    "/v1/jobs/<job_id>/retry",
    summary="Retry a job",
    tags=["Jobs"],
    responses=documented(
        {202: ("Accepted once more.", JobView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        InvalidPipeline,
        UnknownPreset,
        WatermarkNotFound,
        JobNotFound,
        JobNotRetriable,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def retry(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Begin a failed or cancelled job again; options as for creating one, else its pipeline stays."""
    event = router.current_event
    owner = caller(event)
    options = read_options(event.query_string_parameters or {}, read_json(event))
    anew = _asks(options)
    route = "POST /v1/jobs/{job_id}/retry"
    request = keyed(idempotency_key, owner, route, job_id.upper(), options.model_dump_json())

    def begin(ticket: Reservation) -> Submitted:
        choice = choose(options, dependencies.library(owner)) if anew else None
        return retry_job(job_id, owner, dependencies.desk(), at=ticket.at, again=ticket.is_repeat, choice=choice)

    done = once(request, begin, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Job retried", done)
    location = _links(dependencies).job(done.answer["job_id"])
    return _answer(done, owner, dependencies, HTTPStatus.ACCEPTED, {"Location": location})


@router.delete(
    "/v1/jobs/<job_id>",
    summary="Delete a job",
    tags=["Jobs"],
    responses=documented({200: ("What went, and what stays for how long.", DeletionView)}, JobNotFound),
)
def delete(job_id: JobId, dependencies: Deps, log: Log) -> Response[Any]:
    """Erase a job in any state, with its raw image and all that was made of it; links to those die.

    The answer states what went, and is given again to who asks again, for 30 days.
    """
    deletion = delete_job(job_id, caller(router.current_event), dependencies.desk(), at=dependencies.clock())
    log.info("Job deleted", extra={"job_id": deletion.job_id, "objects": deletion.object_count})
    settings = dependencies.settings
    view = DeletionView.of(deletion, log_days=settings.log_retention_days, backup_days=settings.backup_days)
    return json_response(view, HTTPStatus.OK, {})


def _answer(
    done: Done[Submitted], owner: str, dependencies: Dependencies, status: HTTPStatus, headers: dict[str, str]
) -> Response[Any]:
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, dependencies.jobs)
    return job_response(job, dependencies.settings.image_bucket, _links(dependencies), status, headers | done.headers)


def _links(dependencies: Dependencies) -> Links:
    return Links.for_request(router.current_event, dependencies.settings.api_path_prefix)


def _asks(options: Options) -> bool:
    """Tell whether another pipeline is asked for. Raises InvalidRequest for what a retry can't change."""
    if options.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "a retry keeps the name of its job"),))
    if options.webhook is not None:
        raise InvalidRequest(errors=(FieldError("/webhook", "a retry keeps the webhook of its job"),))
    return bool(options.model_fields_set)
