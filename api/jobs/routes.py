"""``/v1/jobs``: create, read, list, and the way to the result."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import Reference, read_picture
from api.http.cursor import decode_cursor, encode_cursor
from api.http.idempotency import keyed, once
from api.http.idempotency_key import IdempotencyKey, remembered, tell_submitted, time_left
from api.http.links import Links
from api.http.parameters import Cursor, JobId, Moment
from api.jobs.import_request import read_import
from api.jobs.imports import import_picture
from api.jobs.job_spec import choose
from api.jobs.lifecycle import own_job
from api.jobs.options import read_options
from api.jobs.responses import RETRY_AFTER_SECONDS, etag, job_response, json_response
from api.jobs.schemas import JobPage, JobView, LinkView
from api.jobs.submission import Submitted, submit_job
from api.jobs.waiting import ANSWER_TIME, preferred_wait, wait_until_done
from api.openapi.document import documented
from shared.aws.dynamodb.job_listing import MAX_PAGE
from shared.aws.dynamodb.job_listing import JobQuery as ListingQuery
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import (
    BadBase64,
    BadCursor,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    EmptyBody,
    FieldError,
    ImportOff,
    InvalidPipeline,
    InvalidRequest,
    JobHasFailed,
    JobNotFound,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    NotificationsOff,
    OutputNotFound,
    ResultExpired,
    ResultNotReady,
    SourceArchived,
    SourceForbidden,
    SourceMissing,
    TooManyBytes,
    UnknownPreset,
    UnknownWebhook,
    UnsupportedImageType,
    UnsupportedMediaType,
    WatermarkNotFound,
)
from shared.filenames import with_extension
from shared.ids import first_id_at
from shared.jobs.job import Job, JobStatus
from shared.pipeline.image_formats import BY_NAME

RESULT = {303: ("To the processed image.", LinkView), 200: ("The link, with `redirect=false`.", LinkView)}

router = Router()


@router.post(
    "/v1/jobs",
    summary="Create a job",
    tags=["Jobs"],
    responses=documented(
        {200: ("Done in time (`Prefer: wait=N`).", JobView), 202: ("Accepted.", JobView)},
        EmptyBody,
        BadBase64,
        BadJson,
        BadMultipart,
        BodyTooLarge,
        UnsupportedMediaType,
        UnsupportedImageType,
        InvalidRequest,
        InvalidPipeline,
        ImportOff,
        SourceForbidden,
        SourceMissing,
        SourceArchived,
        TooManyBytes,
        KeyInvalid,
        KeyInUse,
        KeyReused,
        UnknownPreset,
        UnknownWebhook,
        NotificationsOff,
        WatermarkNotFound,
    ),
)
def create_job(
    dependencies: Deps,
    log: Log,
    prefer: Annotated[str | None, Header(alias="Prefer", description="`wait=N`: hold the answer up to N s.")] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Accept an image, or where it lies, and a pipeline.

    Answers with the job at once, or when it is done (`Prefer: wait=N`).
    """
    event = router.current_event
    owner = caller(event)
    asked, submit = _asked(event, owner, dependencies)
    request = keyed(idempotency_key, owner, "POST /v1/jobs", *asked)
    done = once(request, submit, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Job accepted", done)
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, dependencies.jobs)
    headers = {"Location": _links(dependencies).job(job.id), **done.headers}
    wait = preferred_wait(prefer)
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait.total_seconds():.0f}"
        until = dependencies.clock() + min(wait, time_left(router) - ANSWER_TIME)
        job = wait_until_done(job, until, dependencies.jobs, dependencies.clock)
    status = HTTPStatus.OK if wait is not None and job.status.is_terminal else HTTPStatus.ACCEPTED
    return _shown(job, dependencies, status, headers)


@router.get(
    "/v1/jobs/<job_id>",
    summary="Read a job",
    tags=["Jobs"],
    responses=documented({200: ("The job.", JobView), 304: ("Unchanged.", None)}, JobNotFound),
)
def read_job(
    job_id: JobId,
    dependencies: Deps,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response[Any]:
    """Answer with the job as last written; `304` when the caller has that already."""
    job = _own_job(job_id, dependencies)
    if job.expires_at is not None and job.expires_at <= dependencies.clock():
        raise JobNotFound
    tag = etag(job)
    response = _shown(job, dependencies, HTTPStatus.OK, {})
    if if_none_match is not None and _is_named(tag, if_none_match):
        return Response(HTTPStatus.NOT_MODIFIED, body="", headers=response.headers)
    return response


@router.get(
    "/v1/jobs/<job_id>/result",
    summary="Fetch the first output",
    tags=["Jobs"],
    responses=documented(RESULT, JobNotFound, ResultNotReady, JobHasFailed, ResultExpired, InvalidRequest),
)
def read_result(
    job_id: JobId,
    dependencies: Deps,
    redirect: Annotated[bool, Query(description="False: answer with the link as JSON.")] = True,
) -> Response[Any]:
    """Redirect to a link to the first processed image, good for a while."""
    return _output_response(_finished_job(job_id, dependencies), None, dependencies, redirect=redirect)


@router.get(
    "/v1/jobs/<job_id>/outputs/<name>",
    summary="Fetch an output by its name",
    tags=["Jobs"],
    responses=documented(
        RESULT, JobNotFound, OutputNotFound, ResultNotReady, JobHasFailed, ResultExpired, InvalidRequest
    ),
)
def read_output(
    job_id: JobId,
    name: Annotated[str, Path(description="Name of the output.")],
    dependencies: Deps,
    redirect: Annotated[bool, Query(description="False: answer with the link as JSON.")] = True,
) -> Response[Any]:
    """Redirect to a link to one processed image, good for a while."""
    return _output_response(_finished_job(job_id, dependencies), name, dependencies, redirect=redirect)


@router.get(
    "/v1/jobs",
    summary="List jobs, newest first",
    tags=["Jobs"],
    responses=documented({200: ("A page of jobs.", JobPage)}, BadCursor, InvalidRequest),
)
def list_jobs(  # noqa: PLR0913, PLR0917 - the filters that there are
    dependencies: Deps,
    status: Annotated[JobStatus | None, Query(description="Only this status.")] = None,
    batch: Annotated[str | None, Query(min_length=1, max_length=128, description="Only this batch.")] = None,
    since: Annotated[Moment, Query(description="Created at this moment or later, ISO 8601.")] = None,
    until: Annotated[Moment, Query(description="Created before this moment, ISO 8601.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Jobs a page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's jobs. A rare status may give a short page that still has a `next_cursor`."""
    before_id = decode_cursor(cursor) if cursor else _bound(until, "until")
    page = dependencies.listing.page(
        ListingQuery(
            owner=caller(router.current_event),
            status=status,
            batch_id=batch,
            first_id=_bound(since, "since"),
            now=dependencies.clock(),
            before_id=before_id,
            limit=limit,
        ),
    )
    links = _links(dependencies)
    next_cursor = encode_cursor(page.next_before_id) if page.next_before_id else None
    view = JobPage(
        jobs=[JobView.of(job, dependencies.settings.image_bucket, links) for job in page.jobs],
        next_cursor=next_cursor,
    )
    headers = {}
    if next_cursor:
        query = {
            "status": status.value if status else None,
            "batch": batch,
            "since": since.isoformat() if since else None,
            "limit": limit,
            "cursor": next_cursor,
        }
        headers["Link"] = f'<{links.jobs(query)}>; rel="next"'
    return json_response(view, HTTPStatus.OK, headers)


def _asked(
    event: BaseProxyEvent, owner: str, dependencies: Dependencies
) -> tuple[tuple[str | bytes, ...], Callable[[Reservation], Submitted]]:
    """Read a request for a job: all that makes it this one and no other, and how it is done."""
    query = event.query_string_parameters or {}
    picture = read_picture(event)
    if isinstance(picture, Reference):
        wanted = read_import(query, picture.members)
        called = wanted.filename or picture.filename

        def copy(ticket: Reservation) -> Submitted:
            choice = choose(wanted, dependencies.library(owner))
            how = (wanted.location(), called, choice, owner, dependencies.dock())
            return import_picture(*how, job_id=ticket.job_id, at=ticket.at, again=ticket.is_repeat)

        return (wanted.model_dump_json(), called or ""), copy
    options = read_options(query, picture.options)
    name = options.filename or picture.filename

    def submit(ticket: Reservation) -> Submitted:
        # Here, so that a request that comes again is answered even if what it named is gone by now.
        choice = choose(options, dependencies.library(owner))
        return submit_job(picture, choice, name, owner, dependencies.intake(), job_id=ticket.job_id, at=ticket.at)

    return (picture.data, options.model_dump_json(), name or ""), submit


def _bound(moment: datetime | None, name: str) -> str | None:
    """Return the first ID of a moment; one without a zone is UTC. Raises InvalidRequest beyond what an ID can say."""
    if moment is None:
        return None
    try:
        return first_id_at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError as error:
        raise InvalidRequest(errors=(FieldError(f"/{name}", "out of range"),)) from error


def _links(dependencies: Dependencies) -> Links:
    return Links.for_request(router.current_event, dependencies.settings.api_path_prefix)


def _shown(job: Job, dependencies: Dependencies, status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    return job_response(job, dependencies.settings.image_bucket, _links(dependencies), status, headers)


def _own_job(job_id: str, dependencies: Dependencies) -> Job:
    return own_job(job_id, caller(router.current_event), dependencies.jobs)


def _finished_job(job_id: str, dependencies: Dependencies) -> Job:
    job = _own_job(job_id, dependencies)
    if not job.status.is_terminal:
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    if job.status is not JobStatus.COMPLETED:
        why = f": {job.error.code}. {job.error.message}" if job.error else "."
        raise JobHasFailed(f"The job ended as {job.status.value}{why}")
    if job.expires_at is not None and job.expires_at <= dependencies.clock():
        raise ResultExpired
    return job


def _output_response(job: Job, name: str | None, dependencies: Dependencies, *, redirect: bool) -> Response[Any]:
    facts = next((output for output in job.outputs if name in {None, output.name}), None)
    if facts is None:
        raise OutputNotFound
    filename = with_extension(job.filename, BY_NAME[facts.format].extension)
    lifetime = timedelta(seconds=dependencies.settings.link_seconds)
    link = dependencies.images_for(_links(dependencies)).link(
        facts, filename=filename, lifetime=lifetime, now=dependencies.clock()
    )
    view = LinkView.of(link, media_type=facts.media_type, size=facts.size, filename=filename)
    if redirect:
        return json_response(view, HTTPStatus.SEE_OTHER, {"Location": link.url})
    return json_response(view, HTTPStatus.OK, {})


def _is_named(etag: str, header: str) -> bool:
    """Compare weakly (RFC 9110, 8.8.3.2 and 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
