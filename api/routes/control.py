"""``/v1/jobs/{id}``: cancel, retry, delete."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.depends import Depends

from api.answers import job_response
from api.body import read_json
from api.choosing import choose
from api.dependencies import Stores, caller, logger, stores
from api.idempotency import Done, keyed, once
from api.lifecycle import cancel_job, delete_job, own_job, retry_job
from api.links import Links
from api.openapi import documented
from api.options import Options, read_options
from api.routes.keys import IdempotencyKey, remembered, tell_submitted, time_left
from api.routes.parameters import JobId
from api.schemas import JobView
from api.submission import Submitted
from shared.aws.request_log import Ticket
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

Parts = Annotated[Stores, Depends(stores)]
Log = Annotated[Logger, Depends(logger)]


@router.post(
    "/v1/jobs/<job_id>/cancel",
    summary="Cancel a job",
    tags=["Jobs"],
    responses=documented(
        {200: ("The cancelled job.", JobView)}, JobNotFound, JobFinished, KeyInvalid, KeyInUse, KeyReused
    ),
)
def cancel(job_id: JobId, parts: Parts, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """End a job that has not ended; a running attempt's result is thrown away."""
    owner = caller(router.current_event)
    request = keyed(idempotency_key, owner, "POST /v1/jobs/{job_id}/cancel", job_id.upper())

    def end(ticket: Ticket) -> Submitted:
        return Submitted(cancel_job(job_id, owner, parts.desk(), at=ticket.at, again=ticket.again), None)

    done = once(request, end, remembered, parts.requests, parts.clock, time_left(router))
    tell_submitted(log, "Job cancelled", done)
    return _answer(done, owner, parts, HTTPStatus.OK, {})


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
def retry(job_id: JobId, parts: Parts, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Begin a failed or cancelled job again; options as for creating one, else its pipeline stays."""
    event = router.current_event
    owner = caller(event)
    options = read_options(event.query_string_parameters or {}, read_json(event))
    anew = _asks(options)
    route = "POST /v1/jobs/{job_id}/retry"
    request = keyed(idempotency_key, owner, route, job_id.upper(), options.model_dump_json())

    def begin(ticket: Ticket) -> Submitted:
        choice = choose(options, parts.library(owner)) if anew else None
        return retry_job(job_id, owner, parts.desk(), at=ticket.at, again=ticket.again, choice=choice)

    done = once(request, begin, remembered, parts.requests, parts.clock, time_left(router))
    tell_submitted(log, "Job retried", done)
    location = _links(parts).job(done.answer["job_id"])
    return _answer(done, owner, parts, HTTPStatus.ACCEPTED, {"Location": location})


@router.delete(
    "/v1/jobs/<job_id>",
    summary="Delete a job",
    tags=["Jobs"],
    responses=documented({204: ("Gone: raw image, processed images and record.", None)}, JobNotFound),
)
def delete(job_id: JobId, parts: Parts, log: Log) -> Response[Any]:
    """Erase a job in any state, with its raw image and all that was made of it; links to those die."""
    delete_job(job_id, caller(router.current_event), parts.desk(), at=parts.clock())
    log.info("Job deleted", extra={"job_id": job_id})
    return Response(HTTPStatus.NO_CONTENT, body="")


def _answer(
    done: Done[Submitted], owner: str, parts: Stores, status: HTTPStatus, headers: dict[str, str]
) -> Response[Any]:
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, parts.jobs)
    return job_response(job, parts.settings.image_bucket, _links(parts), status, headers | done.headers)


def _links(parts: Stores) -> Links:
    return Links.for_request(router.current_event, parts.settings.api_path_prefix)


def _asks(options: Options) -> bool:
    """Tell whether another pipeline is asked for. Raises InvalidRequest for what a retry can't change."""
    if options.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "a retry keeps the name of its job"),))
    if options.webhook is not None:
        raise InvalidRequest(errors=(FieldError("/webhook", "a retry keeps the webhook of its job"),))
    return bool(options.model_fields_set)
