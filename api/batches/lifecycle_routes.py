"""``/v1/batches/{id}``: cancel its members, retry those that failed, go on with a backfill."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from api.batches.backfill import Advanced, advance
from api.batches.use_cases import Hall, Walked, cancel_members, close, own_batch, retry_members
from api.batches.views import BatchView, CancellingView, RetryingView
from api.dependencies import Deps, Log, caller
from api.http.documented import documented
from api.http.idempotency import identify_request, run_once, time_left
from api.http.links import Links
from api.http.parameters import IdempotencyKey
from api.http.responses import json_response
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import BatchClosed, BatchNotFound, KeyInUse, KeyInvalid, KeyReused, NotABackfill

router = Router()

BatchId = Annotated[str, Path(description="ULID of the batch.")]
#: Of one call: short of what raises the alarm for slow answers.
BACKFILL_TIME = timedelta(seconds=2)
#: Left of an invocation for one slow member and the answer.
ANSWER_TIME = timedelta(seconds=9)


@router.post(
    "/v1/batches/<batch_id>/cancel",
    summary="Cancel a batch",
    tags=["Batches"],
    responses=documented({202: ("The batch, closed.", CancellingView)}, BatchNotFound, KeyInvalid, KeyInUse, KeyReused),
)
def cancel_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Close a batch and end members that have not ended, as many as time allows; call again until none remain."""
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/cancel", batch_id.upper())

    def end(ticket: Reservation) -> Walked:
        hall = Hall.of(dependencies)
        batch = own_batch(batch_id, owner, hall).batch
        close(batch.id, hall, at=ticket.at)
        return cancel_members(batch, hall, at=ticket.at, until=dependencies.clock() + time_left(router) - ANSWER_TIME)

    done = run_once(request, end, _remembered, dependencies.requests, dependencies.clock, time_left(router))
    standing = own_batch(batch_id, owner, Hall.of(dependencies))
    log.info("Batch cancelled", extra={"batch_id": standing.batch.id, "cancelled": done.answer["done"]})
    links = Links.for_request(router.current_event, dependencies.settings.api_path_prefix)
    # Not the walk's own end: the index of members lags, and what it has missed is still open.
    view = CancellingView.of(standing, links, dependencies.clock(), remaining=standing.open)
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)


@router.post(
    "/v1/batches/<batch_id>/retry-failed",
    summary="Retry what failed",
    tags=["Batches"],
    responses=documented(
        {202: ("What was begun again.", RetryingView)}, BatchNotFound, KeyInvalid, KeyInUse, KeyReused
    ),
)
def retry_failed(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Begin the members again that have failed, as many as time allows; call again until none remain.

    Those that fail once more meanwhile are not begun a second time.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/retry-failed", batch_id.upper())

    def begin(ticket: Reservation) -> Walked:
        hall = Hall.of(dependencies)
        batch = own_batch(batch_id, owner, hall).batch
        return retry_members(batch, hall, at=ticket.at, until=dependencies.clock() + time_left(router) - ANSWER_TIME)

    done = run_once(request, begin, _remembered, dependencies.requests, dependencies.clock, time_left(router))
    standing = own_batch(batch_id, owner, Hall.of(dependencies))
    retried, is_over = done.answer["done"], done.answer["is_over"]
    log.info("Failed members retried", extra={"batch_id": standing.batch.id, "retried": retried})
    links = Links.for_request(router.current_event, dependencies.settings.api_path_prefix)
    view = RetryingView(
        batch=BatchView.of(standing, links, dependencies.clock()),
        retried=retried,
        remaining=0 if is_over else max(1, standing.counts.failed),
    )
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)


@router.post(
    "/v1/batches/<batch_id>/backfill",
    summary="Go on with a backfill",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch; `backfill.complete` when there is nothing more to make.", BatchView)},
        BatchNotFound,
        NotABackfill,
        BatchClosed,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def go_on(batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Make members of stored images, for about two seconds; call again until `backfill.complete`.

    Each image that the query names becomes exactly one member, whoever calls, and however often.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/backfill", batch_id.upper())

    def make(_: Reservation) -> Advanced:
        hall = Hall.of(dependencies)
        batch = own_batch(batch_id, owner, hall).batch
        return advance(batch, hall, dependencies.listing, until=dependencies.clock() + BACKFILL_TIME)

    done = run_once(
        request, make, lambda made: {"made": made.made}, dependencies.requests, dependencies.clock, time_left(router)
    )
    standing = own_batch(batch_id, owner, Hall.of(dependencies))
    log.info("Backfill advanced", extra={"batch_id": standing.batch.id, "made": done.answer["made"]})
    if done.value is not None and done.value.send_error is not None:
        log.error("Messages not sent; the reconciler will", exc_info=done.value.send_error)
    links = Links.for_request(router.current_event, dependencies.settings.api_path_prefix)
    return json_response(BatchView.of(standing, links, dependencies.clock()), HTTPStatus.ACCEPTED, done.headers)


def _remembered(walked: Walked) -> dict[str, Any]:
    return {"done": walked.done, "is_over": walked.is_over}
