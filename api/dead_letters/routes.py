"""``/v1/dead-letters``: list and redrive dead letters, for operators."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import ValidationError

from api.dead_letters.schemas import (
    REASON_PATTERN,
    DeadLetterPageView,
    DeadLetterView,
    RedriveRequest,
    RedriveView,
    RefusalView,
)
from api.dead_letters.use_cases import JOBS, MESSAGES, DeadLetters, require_operator
from api.dependencies import Deps, Log, caller
from api.http.body import read_json
from api.http.cursor import decode_position, encode_position
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, identify_request, run_once, time_left
from api.http.invalid_fields import field_errors
from api.http.parameters import Cursor, IdempotencyKey
from api.http.responses import json_response
from api.http.schemas import dump
from api.jobs.wait_preference import RESPONSE_TIME
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.aws.dynamodb.job_listing import MAX_PAGE
from shared.errors import (
    BadCursor,
    BadJson,
    Forbidden,
    InvalidRequest,
    JobNotFound,
    JobNotRetriable,
    RedrivenTooOften,
    UnsupportedMediaType,
)

#: How long one call redrives jobs. If jobs are left, the response has a cursor.
MAX_CALL_TIME = timedelta(seconds=15)

router = Router()


@router.get(
    "/v1/dead-letters",
    operation_id="listDeadLetters",
    summary="List dead letters",
    tags=["Operators"],
    responses=documented({200: ("A page of dead letters.", DeadLetterPageView)}, BadCursor, Forbidden, InvalidRequest),
)
def list_dead_letters(
    dependencies: Deps,
    reason: Annotated[
        str | None, Query(pattern=REASON_PATTERN, description="Only dead letters with this error code.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Dead letters per page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List jobs of all owners that failed with a retryable error, then unreadable messages."""
    require_operator(caller(router.current_event), dependencies.settings.operators)
    position = decode_position(cursor, (JOBS, MESSAGES)) if cursor else None
    page = DeadLetters.of(dependencies).page(reason, position, limit)
    view = DeadLetterPageView(
        dead_letters=[
            *(DeadLetterView.of_job(job) for job in page.jobs),
            *(DeadLetterView.of_message(message) for message in page.messages),
        ],
        next_cursor=encode_position(page.next_position) if page.next_position else None,
    )
    return json_response(view)


@router.post(
    "/v1/dead-letters/redrive",
    operation_id="redriveDeadLetters",
    summary="Redrive dead letters",
    tags=["Operators"],
    responses=documented(
        {202: ("Which jobs were redriven and which were refused.", RedriveView)},
        BadJson,
        BadCursor,
        UnsupportedMediaType,
        InvalidRequest,
        Forbidden,
        JobNotFound,
        JobNotRetriable,
        RedrivenTooOften,
        *KEY_ERRORS,
    ),
)
def redrive(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Redrive one job, all dead letters with one error code, or all dead letters. At most `limit` jobs per call."""
    event = router.current_event
    owner = caller(event)
    require_operator(owner, dependencies.settings.operators)
    try:
        body = RedriveRequest.model_validate(read_json(event))
    except ValidationError as error:
        raise InvalidRequest(errors=field_errors(error, RedriveRequest)) from error
    position = decode_position(body.cursor, (JOBS,)) if body.cursor else None
    request = identify_request(idempotency_key, owner, "POST /v1/dead-letters/redrive", body.model_dump_json())
    until = dependencies.clock() + min(MAX_CALL_TIME, time_left(router) - RESPONSE_TIME)

    def run(reservation: Reservation) -> RedriveView:
        dead_letters = DeadLetters.of(dependencies)
        if body.id is not None:
            dead_letters.redrive(body.id, at=reservation.at, force=body.force, is_repeat=reservation.is_repeat)
            return RedriveView(redriven=1, refused=0, jobs=[body.id.upper()], refusals=[], next_cursor=None)
        page = dead_letters.redrive_page(
            body.reason, position, body.limit, at=reservation.at, until=until, force=body.force
        )
        return RedriveView(
            redriven=len(page.jobs),
            refused=len(page.refusals),
            jobs=list(page.jobs),
            refusals=[RefusalView(id=job_id, code=code) for job_id, code in page.refusals],
            next_cursor=encode_position(page.next_position) if page.next_position else None,
        )

    done = run_once(request, run, dump, dependencies.requests, dependencies.clock, time_left(router))
    view = RedriveView.model_validate(done.answer)
    log.info("Dead letters redriven", extra={"redriven": view.redriven, "refused": view.refused})
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)
