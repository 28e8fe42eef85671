"""``/v1/batches``: make, fill, close, look."""

import hashlib
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.batches.backfill import begun
from api.batches.members import Filled, fill
from api.batches.schemas import ItemsRequest, read_batch_request
from api.batches.use_cases import Hall, close, demand_open, make_batch, own_batch
from api.batches.views import AddedView, BatchPageView, BatchView, FilledView, MemberPageView, MemberProblemView
from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.cursor import decode_cursor, encode_cursor
from api.http.documented import documented
from api.http.idempotency import Done, identify_request, run_once, time_left
from api.http.links import Links
from api.http.parameters import IdempotencyKey, IfNoneMatch
from api.http.responses import json_response
from api.http.schemas import dump
from api.jobs.job_spec import Catalog, resolve_job_spec
from api.jobs.responses import make_signer
from api.jobs.schemas import JobView
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.job_listing import MAX_PAGE
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import (
    BadCursor,
    BadJson,
    BatchClosed,
    BatchNotFound,
    FieldError,
    InvalidPipeline,
    InvalidRequest,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    NotificationsOff,
    UnknownPreset,
    UnknownWebhook,
    UnsupportedMediaType,
    WatermarkNotFound,
)
from shared.ids import is_id
from shared.jobs.job import Job, JobStatus

router = Router()

BatchId = Annotated[str, Path(description="ULID of the batch.")]


@router.post(
    "/v1/batches",
    summary="Make a batch",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch, and for each member a job with a form, or an error.", FilledView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        InvalidPipeline,
        UnknownPreset,
        UnknownWebhook,
        NotificationsOff,
        WatermarkNotFound,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def create_batch(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Make a batch with up to 100 members; further ones can be added until it is closed.

    With `backfill` its members are made of stored images, by `POST …/backfill`.
    """
    event = router.current_event
    owner = caller(event)
    wanted = read_batch_request(event.query_string_parameters or {}, read_json(event))
    request = identify_request(idempotency_key, owner, "POST /v1/batches", wanted.model_dump_json())

    def make(ticket: Reservation) -> Filled:
        hall, library = Hall.of(dependencies), Catalog.of(dependencies, owner)
        choice = resolve_job_spec(wanted, library)
        backfill = begun(wanted.backfill.wanted(), at=ticket.at) if wanted.backfill else None
        how = (wanted.name, choice, owner, hall)
        batch = make_batch(*how, batch_id=ticket.job_id, at=ticket.at, backfill=backfill)
        filled = fill(wanted.items, batch, library, hall, seed=ticket.job_id, at=ticket.at, again=ticket.is_repeat)
        if wanted.close:
            close(batch.id, hall, at=ticket.at)
        return filled

    done = run_once(request, make, _remembered, dependencies.requests, dependencies.clock, time_left(router))
    location = _links(dependencies).batch(done.answer["batch_id"])
    return _filled(done, owner, dependencies, log, {"Location": location})


@router.post(
    "/v1/batches/<batch_id>/items",
    summary="Add members",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch, and for each member a job with a form, or an error.", FilledView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        BatchNotFound,
        BatchClosed,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def add_members(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Add up to 100 members to a batch that is not closed."""
    event = router.current_event
    owner = caller(event)
    wanted = ItemsRequest.read(read_json(event))
    route = "POST /v1/batches/{batch_id}/items"
    request = identify_request(idempotency_key, owner, route, batch_id.upper(), wanted.model_dump_json())

    def add(ticket: Reservation) -> Filled:
        hall = Hall.of(dependencies)
        standing = own_batch(batch_id, owner, hall)
        demand_open(standing, again=ticket.is_repeat)
        batch, library = standing.batch, Catalog.of(dependencies, owner)
        filled = fill(wanted.items, batch, library, hall, seed=ticket.job_id, at=ticket.at, again=ticket.is_repeat)
        if wanted.close:
            close(batch.id, hall, at=ticket.at)
        return filled

    done = run_once(request, add, _remembered, dependencies.requests, dependencies.clock, time_left(router))
    return _filled(done, owner, dependencies, log, {})


@router.post(
    "/v1/batches/<batch_id>/close",
    summary="Close a batch",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView)}, BatchNotFound, KeyInvalid, KeyInUse, KeyReused),
)
def close_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Let a batch take no more members: it is done when they are. One that is closed stays as it is."""
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/close", batch_id.upper())

    def end(ticket: Reservation) -> str:
        hall = Hall.of(dependencies)
        batch = own_batch(batch_id, owner, hall).batch
        close(batch.id, hall, at=ticket.at)
        return batch.id

    done = run_once(
        request, end, lambda made: {"batch_id": made}, dependencies.requests, dependencies.clock, time_left(router)
    )
    log.info("Batch closed", extra={"batch_id": done.answer["batch_id"]})
    return _shown(done.answer["batch_id"], owner, dependencies, done.headers)


@router.get(
    "/v1/batches/<batch_id>",
    summary="Read a batch",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView), 304: ("Unchanged.", None)}, BatchNotFound),
)
def read_batch(
    batch_id: BatchId,
    dependencies: Deps,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """Answer with a batch and its counts; `304` when the caller has that already."""
    return _shown(batch_id, caller(router.current_event), dependencies, {}, if_none_match)


@router.get(
    "/v1/batches",
    summary="List batches, newest first",
    tags=["Batches"],
    responses=documented({200: ("A page of batches.", BatchPageView)}, BadCursor, InvalidRequest),
)
def list_batches(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Batches a page.")] = 20,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response[Any]:
    """List the caller's batches."""
    before_id = decode_cursor(cursor) if cursor else None
    now, links = dependencies.clock(), _links(dependencies)
    page = dependencies.batches.page(caller(router.current_event), before_id=before_id, limit=limit, now=now)
    view = BatchPageView(
        batches=[BatchView.of(standing, links, now) for standing in page.states],
        next_cursor=encode_cursor(page.next_before_id) if page.next_before_id else None,
    )
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/batches/<batch_id>/items",
    summary="List members, oldest first",
    tags=["Batches"],
    responses=documented({200: ("A page of members.", MemberPageView)}, BatchNotFound, BadCursor, InvalidRequest),
)
def list_members(  # noqa: PLR0913, PLR0917 - the filters that there are
    batch_id: BatchId,
    dependencies: Deps,
    status: Annotated[JobStatus | None, Query(description="Only this status.")] = None,
    after: Annotated[str | None, Query(description="Only members whose IDs are greater than this job's.")] = None,
    links: Annotated[bool, Query(description="Give each output a `url`, a link that is good for a while.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Members a page.")] = 100,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response[Any]:
    """List members in the order of their IDs. A rare status may give a short page that still has a `next_cursor`."""
    batch = own_batch(batch_id, caller(router.current_event), Hall.of(dependencies)).batch
    place = decode_cursor(cursor) if cursor else _job_id(after)
    page = Hall.of(dependencies).members.page(batch.id, after=place, limit=limit, status=status)
    made = _links(dependencies)
    sign = make_signer(
        dependencies.images_for(made), dependencies.clock(), timedelta(seconds=dependencies.settings.link_seconds)
    )
    view = MemberPageView(
        items=[
            JobView.of(job, dependencies.settings.image_bucket, made, sign=sign if links else None) for job in page.jobs
        ],
        next_cursor=encode_cursor(page.next_after) if page.next_after else None,
    )
    return json_response(view, HTTPStatus.OK, {})


def _job_id(after: str | None) -> str:
    if after is not None and not is_id(after.upper()):
        raise InvalidRequest(errors=(FieldError("/after", "is no ID of a job"),))
    return (after or "").upper()


def _remembered(filled: Filled) -> dict[str, Any]:
    """Keep which jobs were made and why others were not; forms are signed anew for each answer."""
    return {
        "batch_id": filled.batch_id,
        "jobs": [job.id if isinstance(job, Job) else None for job in filled.jobs],
        "refused": {
            str(index): dump(MemberProblemView.of(error))
            for index, error in enumerate(filled.jobs)
            if not isinstance(error, Job)
        },
    }


def _filled(
    done: Done[Filled], owner: str, dependencies: Dependencies, log: Logger, headers: dict[str, str]
) -> Response[Any]:
    links = _links(dependencies)
    ramp = Uploads.of(dependencies, links)
    ids: list[str | None] = done.answer["jobs"]
    if done.value is not None:
        jobs = {job.id: job for job in done.value.jobs if isinstance(job, Job)}
    else:
        jobs = {job.id: job for job in dependencies.listing.fetch([each for each in ids if each])}
    items = []
    for index, job_id in enumerate(ids):
        if job_id is None:
            items.append(AddedView.refused(index, done.answer["refused"][str(index)]))
        elif job_id in jobs:  # else it was deleted since the first answer
            items.append(AddedView.made(index, jobs[job_id], ramp.sign_form(jobs[job_id]), links))
    standing = own_batch(done.answer["batch_id"], owner, Hall.of(dependencies))
    log.info(
        "Batch filled" if done.value else "Answered before",
        extra={"batch_id": standing.batch.id, "members": len(jobs), "refused": len(done.answer["refused"])},
    )
    if done.value is not None and done.value.send_error is not None:
        log.error("Messages not sent; the reconciler will", exc_info=done.value.send_error)
    view = FilledView(batch=BatchView.of(standing, links, dependencies.clock()), items=items)
    return json_response(view, HTTPStatus.ACCEPTED, headers | done.headers)


def _shown(
    batch_id: str,
    owner: str,
    dependencies: Dependencies,
    headers: dict[str, str],
    if_none_match: str | None = None,
) -> Response[Any]:
    standing = own_batch(batch_id, owner, Hall.of(dependencies))
    view = BatchView.of(standing, _links(dependencies), dependencies.clock())
    # Weak, and without the rate, which changes by itself.
    told = view.model_dump_json(include={"id", "closed", "done", "total", "counts", "finished_at"})
    tag = hashlib.sha256(told.encode()).hexdigest()[:16]
    return json_response(view, HTTPStatus.OK, headers | {"ETag": f'W/"{tag}"'}, if_none_match=if_none_match)


def _links(dependencies: Dependencies) -> Links:
    return Links.for_request(router.current_event, dependencies.settings.api_path_prefix)
