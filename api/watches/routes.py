"""``/v1/watches``: objects that appear under a prefix of an S3 bucket become jobs."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey
from api.http.responses import json_response
from api.jobs.job_spec import SPEC_ERRORS, Catalog, resolve_job_spec
from api.watches.schemas import WatchListView, WatchView, read_watch_request
from api.watches.use_cases import Watches
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    BadJson,
    InvalidRequest,
    SourceForbidden,
    SourceMissing,
    TooManyWatches,
    UnsupportedMediaType,
    WatchNotFound,
    WatchOff,
    WatchOverlap,
)
from shared.ids import ID_PATTERN

router = Router()

WatchId = Annotated[str, Path(description="ULID of the watch.", json_schema_extra={"pattern": ID_PATTERN})]


@router.post(
    "/v1/watches",
    summary="Watch a prefix",
    operation_id="createWatch",
    tags=["Watches"],
    responses=documented(
        {201: ("The new watch.", WatchView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        *SPEC_ERRORS,
        WatchOff,
        SourceForbidden,
        SourceMissing,
        WatchOverlap,
        TooManyWatches,
        *KEY_ERRORS,
    ),
)
def create_watch(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Create a job for each object that appears under a prefix of an allowed S3 bucket.

    Each version of an object becomes exactly one job. The version of the preset is that of this request.
    """
    event = router.current_event
    owner = caller(event)
    body = read_watch_request(event.query_string_parameters or {}, read_json(event))
    request = identify_request(idempotency_key, owner, "POST /v1/watches", body.model_dump_json())

    def run(reservation: Reservation) -> str:
        spec = resolve_job_spec(body, Catalog.of(dependencies, owner))
        watch = Watches.of(dependencies).create(
            body, spec, owner, watch_id=reservation.job_id, at=reservation.at, is_repeat=reservation.is_repeat
        )
        log.info("Watch created", extra={"watch_id": watch.id, "prefix": watch.uri})
        return watch.id

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    watch_id = done.answer["watch_id"]
    headers = {**done.headers, "Location": dependencies.links_for(event).watch(watch_id)}
    return json_response(_view(watch_id, owner, dependencies), HTTPStatus.CREATED, headers)


@router.get(
    "/v1/watches",
    summary="List watches, newest first",
    operation_id="listWatches",
    tags=["Watches"],
    responses=documented({200: ("All watches of the caller.", WatchListView)}),
)
def list_watches(dependencies: Deps) -> Response[Any]:
    """List the caller's watches, newest first."""
    found = Watches.of(dependencies).list(caller(router.current_event))
    return json_response(WatchListView(watches=[WatchView.of(each.watch, each.examples) for each in found]))


@router.get(
    "/v1/watches/<watch_id>",
    summary="Read a watch",
    operation_id="getWatch",
    tags=["Watches"],
    responses=documented({200: ("The watch.", WatchView)}, WatchNotFound),
)
def read_watch(watch_id: WatchId, dependencies: Deps) -> Response[Any]:
    """Return a watch with its counts."""
    return json_response(_view(watch_id, caller(router.current_event), dependencies))


@router.post(
    "/v1/watches/<watch_id>/pause",
    summary="Pause a watch",
    operation_id="pauseWatch",
    tags=["Watches"],
    responses=documented({200: ("The watch.", WatchView)}, WatchNotFound, *KEY_ERRORS),
)
def pause_watch(
    watch_id: WatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create no more jobs. Jobs that exist are processed. Idempotent."""
    return _change(watch_id, dependencies, log, idempotency_key, "pause")


@router.post(
    "/v1/watches/<watch_id>/resume",
    summary="Resume a watch",
    operation_id="resumeWatch",
    tags=["Watches"],
    responses=documented({200: ("The watch.", WatchView)}, WatchNotFound, *KEY_ERRORS),
)
def resume_watch(
    watch_id: WatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create jobs again, also for the objects that appeared during the pause.

    The server lists all objects of the prefix, starting within a minute. For a watch that is not paused, it does so
    too. Idempotent.
    """
    return _change(watch_id, dependencies, log, idempotency_key, "resume")


@router.delete(
    "/v1/watches/<watch_id>",
    summary="Delete a watch",
    operation_id="deleteWatch",
    tags=["Watches"],
    responses=documented({204: ("The watch is deleted.", None)}, WatchNotFound),
)
def delete_watch(watch_id: WatchId, dependencies: Deps, log: Log) -> Response[Any]:
    """Delete a watch. Its jobs and batches stay, and the objects of the bucket are not changed."""
    watches = Watches.of(dependencies)
    watch = watches.find(watch_id, caller(router.current_event))
    watches.table.delete(watch, at=dependencies.clock())
    log.info("Watch deleted", extra={"watch_id": watch.id})
    return Response(HTTPStatus.NO_CONTENT)


def _change(
    watch_id: str, dependencies: Dependencies, log: Logger, key: str | None, action: Literal["pause", "resume"]
) -> Response[Any]:
    owner = caller(router.current_event)
    request = identify_request(key, owner, f"POST /v1/watches/{{watch_id}}/{action}", watch_id.upper())

    def run(reservation: Reservation) -> str:
        watches = Watches.of(dependencies)
        watch = watches.find(watch_id, owner)
        (watches.table.pause if action == "pause" else watches.table.resume)(watch, at=reservation.at)
        log.info("Watch changed", extra={"watch_id": watch.id, "action": action})
        return watch.id

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    return json_response(_view(done.answer["watch_id"], owner, dependencies), HTTPStatus.OK, done.headers)


def _view(watch_id: str, owner: str, dependencies: Dependencies) -> WatchView:
    state = Watches.of(dependencies).get(watch_id, owner)
    return WatchView.of(state.watch, state.examples)


def _remember(watch_id: str) -> dict[str, Any]:
    return {"watch_id": watch_id}
