"""``/v1/dead-letters``: what operators see of failed deliveries, and redriving it."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import ValidationError

from api.dead_letters.operators import demand_operator
from api.dead_letters.schemas import (
    REASON_PATTERN,
    DeadLetterPage,
    DeadLetterView,
    RedriveRequest,
    RedriveView,
    RefusalView,
)
from api.dead_letters.use_cases import JOBS, MESSAGES, Office, letters, redrive_one, redrive_page
from api.dependencies import Deps, Log, caller
from api.http.body import read_json
from api.http.cursor import decode_position, encode_position
from api.http.documented import documented
from api.http.idempotency import identify_request, run_once, time_left
from api.http.parameters import Cursor, IdempotencyKey
from api.http.responses import json_response
from api.http.schemas import dump
from api.jobs.options import field_errors
from api.jobs.waiting import RESPONSE_TIME
from shared.aws.dynamodb.job_listing import MAX_PAGE
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import (
    BadCursor,
    BadJson,
    Forbidden,
    InvalidRequest,
    JobNotFound,
    JobNotRetriable,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    RedrivenTooOften,
    UnsupportedMediaType,
)

#: After this long a call stops where it is and says so with a cursor.
LONGEST_CALL = timedelta(seconds=15)

router = Router()


@router.get(
    "/v1/dead-letters",
    summary="List dead letters",
    tags=["Operators"],
    responses=documented({200: ("A page of dead letters.", DeadLetterPage)}, BadCursor, Forbidden, InvalidRequest),
)
def list_dead_letters(
    dependencies: Deps,
    reason: Annotated[str | None, Query(pattern=REASON_PATTERN, description="Only this error code.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Dead letters a page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List jobs that failed by something that may pass, of all owners, and messages that nobody could read."""
    demand_operator(caller(router.current_event), dependencies.settings.operators)
    place = decode_position(cursor, (JOBS, MESSAGES)) if cursor else None
    page = letters(reason, place, limit, Office.of(dependencies))
    view = DeadLetterPage(
        dead_letters=[
            *(DeadLetterView.of_job(job) for job in page.jobs),
            *(DeadLetterView.of_message(letter) for letter in page.messages),
        ],
        next_cursor=encode_position(page.next_place) if page.next_place else None,
    )
    return json_response(view, HTTPStatus.OK, {})


@router.post(
    "/v1/dead-letters/redrive",
    summary="Redrive dead letters",
    tags=["Operators"],
    responses=documented(
        {202: ("What became of them.", RedriveView)},
        BadJson,
        BadCursor,
        UnsupportedMediaType,
        InvalidRequest,
        Forbidden,
        JobNotFound,
        JobNotRetriable,
        RedrivenTooOften,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def redrive(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Begin failed jobs again: one by its ID, those of one reason, or all; at most `limit` in a call."""
    event = router.current_event
    owner = caller(event)
    demand_operator(owner, dependencies.settings.operators)
    try:
        wanted = RedriveRequest.model_validate(read_json(event))
    except ValidationError as error:
        raise InvalidRequest(errors=field_errors(error)) from error
    place = decode_position(wanted.cursor, (JOBS,)) if wanted.cursor else None
    request = identify_request(idempotency_key, owner, "POST /v1/dead-letters/redrive", wanted.model_dump_json())
    until = dependencies.clock() + min(LONGEST_CALL, time_left(router) - RESPONSE_TIME)

    def begin(ticket: Reservation) -> RedriveView:
        office = Office.of(dependencies)
        if wanted.id is not None:
            redrive_one(wanted.id, office, at=ticket.at, force=wanted.force, again=ticket.is_repeat)
            return RedriveView(redriven=1, refused=0, jobs=[wanted.id.upper()], refusals=[], next_cursor=None)
        redriven = redrive_page(
            wanted.reason, place, wanted.limit, office, at=ticket.at, until=until, force=wanted.force
        )
        return RedriveView(
            redriven=len(redriven.jobs),
            refused=len(redriven.refusals),
            jobs=list(redriven.jobs),
            refusals=[RefusalView(id=job_id, code=code) for job_id, code in redriven.refusals],
            next_cursor=encode_position(redriven.next_place) if redriven.next_place else None,
        )

    done = run_once(request, begin, dump, dependencies.requests, dependencies.clock, time_left(router))
    view = RedriveView.model_validate(done.answer)
    log.info("Dead letters redriven", extra={"redriven": view.redriven, "refused": view.refused})
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)
