"""``/v1/batches``: create, add members, close, read, list."""

import hashlib
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.batches.members import AddedMembers
from api.batches.schemas import ItemsRequest, read_batch_request
from api.batches.use_cases import Batches
from api.batches.views import (
    AddedMembersView,
    BatchPageView,
    BatchView,
    MemberPageView,
    MemberProblemView,
    MemberResultView,
)
from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.cursor import decode_cursor, encode_cursor
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, Done, identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey, IfNoneMatch
from api.http.responses import json_response
from api.http.schemas import dump
from api.jobs.job_spec import SPEC_ERRORS, Catalog
from api.jobs.responses import limit_outputs, make_signer
from api.jobs.schemas import JobView
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.aws.dynamodb.job_listing import MAX_PAGE
from shared.errors import (
    BadCursor,
    BadJson,
    BatchClosed,
    BatchNotFound,
    DailyBytesExceeded,
    FieldError,
    ImportOff,
    InvalidRequest,
    SourceForbidden,
    SourceMissing,
    TooManyOpenJobs,
    UnsupportedMediaType,
)
from shared.ids import is_id
from shared.jobs.job import Job, JobStatus

router = Router()

BatchId = Annotated[str, Path(description="ULID of the batch.")]
BatchCursor = Annotated[str | None, Query(description="`next_cursor` of the previous page.")]


@router.post(
    "/v1/batches",
    operation_id="createBatch",
    summary="Create a batch",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch, and for each member its job and upload form, or an error.", AddedMembersView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        *SPEC_ERRORS,
        ImportOff,
        SourceForbidden,
        SourceMissing,
        TooManyOpenJobs,
        DailyBytesExceeded,
        *KEY_ERRORS,
    ),
)
def create_batch(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Create a batch with up to 100 members. You can add more until the batch is closed.

    A batch with `backfill` or `prefix` starts empty. The server creates its members, starting within a minute.
    """
    event = router.current_event
    owner = caller(event)
    batch = read_batch_request(event.query_string_parameters or {}, read_json(event))
    request = identify_request(idempotency_key, owner, "POST /v1/batches", batch.model_dump_json())

    def run(reservation: Reservation) -> AddedMembers:
        return Batches.of(dependencies).create(
            batch,
            owner,
            Catalog.of(dependencies, owner),
            batch_id=reservation.job_id,
            at=reservation.at,
            is_repeat=reservation.is_repeat,
        )

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    location = dependencies.links_for(event).batch(done.answer["batch_id"])
    return _added_response(done, owner, dependencies, log, {"Location": location})


@router.post(
    "/v1/batches/<batch_id>/items",
    operation_id="addBatchItems",
    summary="Add members",
    tags=["Batches"],
    responses=documented(
        {202: ("The batch, and for each member its job and upload form, or an error.", AddedMembersView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        BatchNotFound,
        BatchClosed,
        TooManyOpenJobs,
        DailyBytesExceeded,
        *KEY_ERRORS,
    ),
)
def add_members(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Add up to 100 members to a batch that is not closed."""
    event = router.current_event
    owner = caller(event)
    body = ItemsRequest.read(read_json(event))
    route = "POST /v1/batches/{batch_id}/items"
    request = identify_request(idempotency_key, owner, route, batch_id.upper(), body.model_dump_json())

    def run(reservation: Reservation) -> AddedMembers:
        return Batches.of(dependencies).add_members(
            batch_id,
            body.items,
            owner,
            Catalog.of(dependencies, owner),
            seed=reservation.job_id,
            at=reservation.at,
            is_repeat=reservation.is_repeat,
            close=body.close,
        )

    done = run_once(request, run, _remember, dependencies.requests, dependencies.clock, time_left(router))
    return _added_response(done, owner, dependencies, log, {})


@router.post(
    "/v1/batches/<batch_id>/close",
    operation_id="closeBatch",
    summary="Close a batch",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView)}, BatchNotFound, *KEY_ERRORS),
)
def close_batch(
    batch_id: BatchId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Close a batch to new members. A closed batch is `done` once all members have ended. Idempotent."""
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/batches/{batch_id}/close", batch_id.upper())

    def run(reservation: Reservation) -> str:
        return Batches.of(dependencies).close(batch_id, owner, at=reservation.at)

    def remember(closed_id: str) -> dict[str, Any]:
        return {"batch_id": closed_id}

    done = run_once(request, run, remember, dependencies.requests, dependencies.clock, time_left(router))
    log.info("Batch closed", extra={"batch_id": done.answer["batch_id"]})
    return _batch_response(done.answer["batch_id"], owner, dependencies, done.headers)


@router.get(
    "/v1/batches/<batch_id>",
    operation_id="getBatch",
    summary="Read a batch",
    tags=["Batches"],
    responses=documented({200: ("The batch.", BatchView), 304: ("Unchanged.", None)}, BatchNotFound),
)
def read_batch(batch_id: BatchId, dependencies: Deps, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Return a batch and its counts, or `304` if `If-None-Match` has its current `ETag`."""
    return _batch_response(batch_id, caller(router.current_event), dependencies, {}, if_none_match)


@router.get(
    "/v1/batches",
    operation_id="listBatches",
    summary="List batches, newest first",
    tags=["Batches"],
    responses=documented({200: ("A page of batches.", BatchPageView)}, BadCursor, InvalidRequest),
)
def list_batches(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Batches per page.")] = 20,
    cursor: BatchCursor = None,
) -> Response[Any]:
    """List the caller's batches."""
    before_id = decode_cursor(cursor) if cursor else None
    now, links = dependencies.clock(), dependencies.links_for(router.current_event)
    page = dependencies.batches.page(caller(router.current_event), before_id=before_id, limit=limit, now=now)
    view = BatchPageView(
        batches=[BatchView.of(state, links, now) for state in page.states],
        next_cursor=encode_cursor(page.next_before_id) if page.next_before_id else None,
    )
    return json_response(view)


@router.get(
    "/v1/batches/<batch_id>/items",
    operation_id="listBatchItems",
    summary="List members, oldest first",
    tags=["Batches"],
    responses=documented({200: ("A page of members.", MemberPageView)}, BatchNotFound, BadCursor, InvalidRequest),
)
def list_members(  # noqa: PLR0913, PLR0917 - the filters of the route
    batch_id: BatchId,
    dependencies: Deps,
    status: Annotated[JobStatus | None, Query(description="Only members with this status.")] = None,
    after: Annotated[str | None, Query(description="Only members whose IDs are greater than this job ID.")] = None,
    links: Annotated[bool, Query(description="Add a temporary link, `url`, to each output.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Members per page.")] = 100,
    cursor: BatchCursor = None,
) -> Response[Any]:
    """List members in the order of their IDs.

    With `status`, or with `links` and many outputs, a page can have fewer members than `limit` even if it is not the
    last page.
    """
    batches = Batches.of(dependencies)
    batch = batches.get(batch_id, caller(router.current_event)).batch
    position = decode_cursor(cursor) if cursor else _job_id(after)
    page = batches.members.page(batch.id, after=position, limit=limit, status=status)
    settings, api_links = dependencies.settings, dependencies.links_for(router.current_event)
    sign = make_signer(
        dependencies.images_for(api_links), dependencies.clock(), timedelta(seconds=settings.link_seconds)
    )
    jobs = limit_outputs(page.jobs) if links else page.jobs
    next_after = page.next_after if len(jobs) == len(page.jobs) else jobs[-1].id
    view = MemberPageView(
        items=[
            JobView.of(job, settings.image_bucket, api_links, sign=sign if links else None, is_listed=True)
            for job in jobs
        ],
        next_cursor=encode_cursor(next_after) if next_after else None,
    )
    return json_response(view)


def _job_id(after: str | None) -> str:
    if after is not None and not is_id(after.upper()):
        raise InvalidRequest(errors=(FieldError("/after", "is not a job ID"),))
    return (after or "").upper()


def _remember(added: AddedMembers) -> dict[str, Any]:
    """Return the IDs of the created jobs and the errors of refused members. Each response signs new forms."""
    return {
        "batch_id": added.batch_id,
        "jobs": [job.id if isinstance(job, Job) else None for job in added.jobs],
        "refused": {
            str(index): dump(MemberProblemView.of(error))
            for index, error in enumerate(added.jobs)
            if not isinstance(error, Job)
        },
    }


def _added_response(
    done: Done[AddedMembers], owner: str, dependencies: Dependencies, log: Logger, headers: dict[str, str]
) -> Response[Any]:
    links = dependencies.links_for(router.current_event)
    uploads = Uploads.of(dependencies, links)
    ids: list[str | None] = done.answer["jobs"]
    if done.value is not None:
        jobs = {job.id: job for job in done.value.jobs if isinstance(job, Job)}
    else:
        jobs = {job.id: job for job in dependencies.listing.fetch([each for each in ids if each])}
    items = []
    for index, job_id in enumerate(ids):
        if job_id is None:
            items.append(MemberResultView.refused(index, done.answer["refused"][str(index)]))
        elif job_id in jobs:  # otherwise the job was deleted after the first response
            items.append(MemberResultView.created(index, jobs[job_id], uploads.instruct(jobs[job_id]), links))
    state = Batches.of(dependencies).get(done.answer["batch_id"], owner)
    log.info(
        "Batch filled" if done.value else "Stored response returned",
        extra={"batch_id": state.batch.id, "members": len(jobs), "refused": len(done.answer["refused"])},
    )
    if done.value is not None and done.value.send_error is not None:
        log.error("Messages not sent; the reconciler sends them later", exc_info=done.value.send_error)
    view = AddedMembersView(batch=BatchView.of(state, links, dependencies.clock()), items=items)
    return json_response(view, HTTPStatus.ACCEPTED, headers | done.headers)


def _batch_response(
    batch_id: str, owner: str, dependencies: Dependencies, headers: dict[str, str], if_none_match: str | None = None
) -> Response[Any]:
    state = Batches.of(dependencies).get(batch_id, owner)
    view = BatchView.of(state, dependencies.links_for(router.current_event), dependencies.clock())
    # The tag is weak, because it ignores the rate, which changes with time.
    content = view.model_dump_json(include={"id", "closed", "done", "total", "counts", "finished_at"})
    tag = hashlib.sha256(content.encode()).hexdigest()[:16]
    return json_response(view, HTTPStatus.OK, headers | {"ETag": f'W/"{tag}"'}, if_none_match=if_none_match)
