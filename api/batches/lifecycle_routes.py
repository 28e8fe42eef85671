"""``/v1/batches/{id}``: cancel members, retry failed members, continue, pause and resume what the server does."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header

from api.batches.backfill import BackfillProgress
from api.batches.routes import BatchId
from api.batches.scans import ScanProgress
from api.batches.use_cases import Batches
from api.batches.views import BatchView, CancelledBatchView, RetriedBatchView
from api.dependencies import Dependencies, Deps, Log, caller
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey
from api.http.responses import json_response
from api.jobs.wait_preference import prefers_async
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    BatchPaused,
    DailyBytesExceeded,
    ImportOff,
    NotABackfill,
    NothingToPause,
    SourceForbidden,
    SourceMissing,
    TooManyOpenJobs,
)

router = Router()

AsyncPreference = Annotated[
    str | None,
    Header(alias="Prefer", description="With `respond-async`, the server does everything, starting within a minute."),
]
#: How long one backfill call creates members. Shorter than the threshold of the alarm for slow responses.
BACKFILL_TIME = timedelta(seconds=2)
#: Part of the invocation's time that is reserved for one slow member and for the response.
RESPONSE_TIME = timedelta(seconds=9)


@router.post(
    "/v1/batches/<batch_id>/cancel",
    operation_id="cancelBatch",
    summary="Cancel a batch",
    tags=["Batches"],
    responses=documented({202: ("The batch, closed.", CancelledBatchView)}, BatchNotFound, *KEY_ERRORS),
)
def cancel_batch(
    batch_id: BatchId,
    dependencies: Deps,
    log: Log,
    idempotency_key: IdempotencyKey = None,
    prefer: AsyncPreference = None,
) -> Response[Any]:
    """Close a batch and cancel its open members.

    The call cancels as many members as time allows, and the server cancels the others. To speed it up, repeat the call
    until `remaining` is 0.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/cancel", batch_id.upper())

    def run(reservation: Reservation) -> ScanProgress:
        until = _choose_end(dependencies, prefer)
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
    operation_id="retryBatch",
    summary="Retry failed members",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch and how many members were retried.", RetriedBatchView)},
        BatchNotFound,
        BatchPaused,
        *KEY_ERRORS,
    ),
)
def retry_failed(
    batch_id: BatchId,
    dependencies: Deps,
    log: Log,
    idempotency_key: IdempotencyKey = None,
    prefer: AsyncPreference = None,
) -> Response[Any]:
    """Retry the failed members of a batch.

    The call retries as many members as time allows, and the server retries the others. To speed it up, repeat the call
    until `remaining` is 0. A member that fails again meanwhile is not retried a second time.
    """
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/retry-failed", batch_id.upper())

    def run(reservation: Reservation) -> ScanProgress:
        until = _choose_end(dependencies, prefer)
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
    operation_id="continueBackfill",
    summary="Continue a backfill or an import of a prefix",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch. `walk.creating` is false once all members are created.", BatchView)},
        BatchNotFound,
        NotABackfill,
        BatchClosed,
        BatchPaused,
        ImportOff,
        SourceForbidden,
        SourceMissing,
        TooManyOpenJobs,
        DailyBytesExceeded,
        *KEY_ERRORS,
    ),
)
def continue_backfill(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create members for about two seconds, without waiting for the server, which continues within a minute.

    Each matching image or object becomes exactly one member, even if calls are repeated or run concurrently.
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


@router.post(
    "/v1/batches/<batch_id>/pause",
    operation_id="pauseBatch",
    summary="Pause a backfill, an import or a retry",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView)}, BatchNotFound, NothingToPause, *KEY_ERRORS),
)
def pause_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Let the server create no more members. Members that exist are processed. Idempotent.

    A retry of failed members stops after at most 100 more.
    """
    return _change(batch_id, dependencies, log, idempotency_key, "pause")


@router.post(
    "/v1/batches/<batch_id>/resume",
    operation_id="resumeBatch",
    summary="Resume a backfill, an import or a retry",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView)}, BatchNotFound, *KEY_ERRORS),
)
def resume_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Let the server continue what was paused, or what it has given up after an error. Idempotent."""
    return _change(batch_id, dependencies, log, idempotency_key, "resume")


def _choose_end(dependencies: Dependencies, prefer: str | None) -> datetime:
    """Return until when a request scans members: not at all if the caller does not want to wait for it."""
    now = dependencies.clock()
    return now if prefers_async(prefer) else now + time_left(router) - RESPONSE_TIME


def _change(
    batch_id: str, dependencies: Dependencies, log: Logger, key: str | None, action: Literal["pause", "resume"]
) -> Response[Any]:
    owner = caller(router.current_event)
    request = identify_request(key, owner, f"POST /v1/batches/{{batch_id}}/{action}", batch_id.upper())
    batches = Batches.of(dependencies)

    def run(reservation: Reservation) -> str:
        return (batches.pause if action == "pause" else batches.resume)(batch_id, owner, at=reservation.at)

    def remember(changed_id: str) -> dict[str, Any]:
        return {"batch_id": changed_id}

    done = run_once(request, run, remember, dependencies.requests, dependencies.clock, time_left(router))
    state = batches.get(batch_id, owner)
    log.info("Batch changed", extra={"batch_id": state.batch.id, "action": action})
    links = dependencies.links_for(router.current_event)
    return json_response(BatchView.of(state, links, dependencies.clock()), HTTPStatus.OK, done.headers)


def _remember(progress: ScanProgress) -> dict[str, Any]:
    return {"done": progress.done, "is_over": progress.is_over}
