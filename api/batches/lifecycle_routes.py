"""``/v1/batches/{id}``: cancel members, retry failed members, continue a backfill."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.batches.backfill import BackfillProgress
from api.batches.routes import BatchId
from api.batches.use_cases import Batches, ScanProgress
from api.batches.views import BatchView, CancelledBatchView, RetriedBatchView
from api.dependencies import Deps, Log, caller
from api.http.documented import documented
from api.http.idempotency import identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey
from api.http.responses import json_response
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    DailyBytesExceeded,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    NotABackfill,
    TooManyOpenJobs,
)

router = Router()

#: How long one backfill call creates members. Shorter than the threshold of the alarm for slow responses.
BACKFILL_TIME = timedelta(seconds=2)
#: Part of the invocation's time that is reserved for one slow member and for the response.
RESPONSE_TIME = timedelta(seconds=9)


@router.post(
    "/v1/batches/<batch_id>/cancel",
    summary="Cancel a batch",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch, closed.", CancelledBatchView)}, BatchNotFound, KeyInvalid, KeyInUse, KeyReused
    ),
)
def cancel_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Close a batch and cancel as many open members as time allows. Repeat the call until `remaining` is 0."""
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/cancel", batch_id.upper())

    def run(reservation: Reservation) -> ScanProgress:
        until = dependencies.clock() + time_left(router) - RESPONSE_TIME
        return Batches.of(dependencies).cancel(batch_id, owner, at=reservation.at, until=until)

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    state = Batches.of(dependencies).get(batch_id, owner)
    log.info("Batch cancelled", extra={"batch_id": state.batch.id, "cancelled": done.answer["done"]})
    links = dependencies.links_for(router.current_event)
    # From the counts, because the scan reads an eventually consistent index and may have missed open members.
    view = CancelledBatchView.of(state, links, dependencies.clock(), remaining=state.open)
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)


@router.post(
    "/v1/batches/<batch_id>/retry-failed",
    summary="Retry failed members",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch and how many members were retried.", RetriedBatchView)},
        BatchNotFound,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def retry_failed(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Retry as many failed members as time allows. Repeat the call until `remaining` is 0.

    A member that fails again before the last call is not retried a second time.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/retry-failed", batch_id.upper())

    def run(reservation: Reservation) -> ScanProgress:
        until = dependencies.clock() + time_left(router) - RESPONSE_TIME
        return Batches.of(dependencies).retry_failed(batch_id, owner, at=reservation.at, until=until)

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    state = Batches.of(dependencies).get(batch_id, owner)
    retried = done.answer["done"]
    log.info("Failed members retried", extra={"batch_id": state.batch.id, "retried": retried})
    view = RetriedBatchView(
        batch=BatchView.of(state, dependencies.links_for(router.current_event), dependencies.clock()),
        retried=retried,
        remaining=0 if done.answer["is_over"] else max(1, state.counts.failed),
    )
    return json_response(view, HTTPStatus.ACCEPTED, done.headers)


@router.post(
    "/v1/batches/<batch_id>/backfill",
    summary="Continue a backfill",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch. `backfill.complete` is true once all members are created.", BatchView)},
        BatchNotFound,
        NotABackfill,
        BatchClosed,
        TooManyOpenJobs,
        DailyBytesExceeded,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def continue_backfill(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create members from stored images for about two seconds. Repeat the call until `backfill.complete` is true.

    Each matching image becomes exactly one member, even if calls are repeated or run concurrently.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/backfill", batch_id.upper())

    def run(_: Reservation) -> BackfillProgress:
        until = dependencies.clock() + BACKFILL_TIME
        return Batches.of(dependencies).continue_backfill(batch_id, owner, until=until)

    def remember(progress: BackfillProgress) -> dict[str, Any]:
        return {"made": progress.created}

    done = run_once(request, run, remember, dependencies.requests, dependencies.clock, time_left(router))
    state = Batches.of(dependencies).get(batch_id, owner)
    log.info("Backfill advanced", extra={"batch_id": state.batch.id, "made": done.answer["made"]})
    if done.value is not None and done.value.send_error is not None:
        log.error("Messages not sent; the reconciler sends them later", exc_info=done.value.send_error)
    links = dependencies.links_for(router.current_event)
    return json_response(BatchView.of(state, links, dependencies.clock()), HTTPStatus.ACCEPTED, done.headers)


def _remember(progress: ScanProgress) -> dict[str, Any]:
    return {"done": progress.done, "is_over": progress.is_over}
