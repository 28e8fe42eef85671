"""``/v1/jobs``: create, read and list jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.dependencies import Dependencies, Deps, Log, caller, granted, requester
from api.http.body import ImageReference, read_body, require_accepted
from api.http.cursor import decode_cursor, encode_cursor
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, identify_request, run_once, time_left
from api.http.parameters import Cursor, IdempotencyKey, IfNoneMatch, JobId, TimeFilter
from api.http.responses import json_response
from api.jobs.form_fields import split_fields
from api.jobs.imports import Imports
from api.jobs.job_spec import SPEC_ERRORS, Catalog, resolve_job_spec
from api.jobs.lifecycle import get_own_job, require_unexpired
from api.jobs.options import read_import, read_options
from api.jobs.responses import (
    get_submitted_job,
    job_response,
    limit_outputs,
    log_submission,
    make_signer,
    remember_job,
    select_facts,
)
from api.jobs.schemas import JobPage, JobView
from api.jobs.submission import JobSubmission, Submitted, find_created
from api.jobs.wait_preference import RESPONSE_TIME, preferred_wait, wait_until_done
from api.presets.output_budget import ExpectedImage
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.aws.dynamodb.job_listing import MAX_PAGE, JobQuery
from shared.errors import (
    BadBase64,
    BadCursor,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    DailyBytesExceeded,
    EmptyBody,
    FieldError,
    ImportOff,
    InvalidRequest,
    JobNotFound,
    RawImageMissing,
    SourceArchived,
    SourceForbidden,
    SourceMissing,
    SourceNotReady,
    SourceUnusable,
    TooManyBytes,
    TooManyOpenJobs,
    UnknownJob,
    UnsupportedImageType,
    UnsupportedMediaType,
)
from shared.filenames import MAX_BYTES
from shared.ids import first_id_at
from shared.jobs.job import Job, JobStatus

router = Router()
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`wait=N`: wait up to N seconds, at most `max_wait_seconds` of the capabilities.",
    ),
]


@router.post(
    "/v1/jobs",
    operation_id="createJob",
    summary="Create a job",
    tags=["Jobs"],
    responses=documented(
        {200: ("The job, which ended within `Prefer: wait=N`.", JobView), 202: ("The accepted job.", JobView)},
        EmptyBody,
        BadBase64,
        BadJson,
        BadMultipart,
        BodyTooLarge,
        UnsupportedMediaType,
        UnsupportedImageType,
        InvalidRequest,
        *SPEC_ERRORS,
        ImportOff,
        SourceForbidden,
        SourceMissing,
        SourceArchived,
        UnknownJob,
        SourceNotReady,
        SourceUnusable,
        RawImageMissing,
        TooManyBytes,
        TooManyOpenJobs,
        DailyBytesExceeded,
        *KEY_ERRORS,
    ),
)
def create_job(
    dependencies: Deps,
    log: Log,
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Create a job from an image, or from an object in S3, a URL or the stored image of another job, and a pipeline.

    Responds immediately or, with `Prefer: wait=N`, when the job has ended or N seconds have passed.
    """
    event = router.current_event
    owner = caller(event)
    asked = _read_request(event, owner, dependencies)
    request = identify_request(idempotency_key, requester(event), "POST /v1/jobs", *asked.contents)
    done = run_once(request, asked.submit, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Job accepted", done)
    job = get_submitted_job(done, owner, dependencies.jobs)
    links = dependencies.links_for(event)
    headers = {"Location": links.job(job.id), **done.headers}
    job, waited = _wait(job, prefer, dependencies)
    headers |= waited
    status = HTTPStatus.OK if waited and job.status.is_terminal else HTTPStatus.ACCEPTED
    facts = select_facts(job, granted(event))
    bucket = dependencies.settings.image_bucket
    return job_response(job, bucket, links, status, headers, warnings=asked.warnings, facts=facts)


@router.get(
    "/v1/jobs/<job_id>",
    operation_id="getJob",
    summary="Read a job",
    tags=["Jobs"],
    responses=documented({200: ("The job.", JobView), 304: ("Unchanged.", None)}, JobNotFound),
)
def read_job(
    job_id: JobId, dependencies: Deps, prefer: Prefer = None, if_none_match: IfNoneMatch = None
) -> Response[Any]:
    """Return a job in its current state, or `304` if `If-None-Match` has its current `ETag`.

    With `Prefer: wait=N`, the API first waits until the job has ended or N seconds have passed.
    """
    event = router.current_event
    job = require_unexpired(get_own_job(job_id, caller(event), dependencies.jobs), dependencies.clock())
    job, waited = _wait(job, prefer, dependencies)
    links, bucket = dependencies.links_for(event), dependencies.settings.image_bucket
    facts = select_facts(job, granted(event))
    return job_response(job, bucket, links, HTTPStatus.OK, waited, if_none_match=if_none_match, facts=facts)


def _wait(job: Job, prefer: str | None, dependencies: Dependencies) -> tuple[Job, dict[str, str]]:
    """Wait as a ``Prefer`` header asks. Return the job as it was last read, and the header that says so."""
    wait = preferred_wait(prefer, timedelta(seconds=dependencies.settings.max_wait_seconds))
    if wait is None:
        return job, {}
    until = dependencies.clock() + min(wait, time_left(router) - RESPONSE_TIME)
    job = wait_until_done(job, until, dependencies.jobs, dependencies.clock)
    return job, {"Preference-Applied": f"wait={wait.total_seconds():.0f}"}


@router.get(
    "/v1/jobs",
    operation_id="listJobs",
    summary="List jobs, newest first",
    tags=["Jobs"],
    responses=documented({200: ("A page of jobs.", JobPage)}, BadCursor, InvalidRequest),
)
def list_jobs(  # noqa: PLR0913, PLR0917 - one parameter per filter
    dependencies: Deps,
    status: Annotated[JobStatus | None, Query(description="Only jobs with this status.")] = None,
    filename: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_BYTES,
            description="Only jobs whose file name contains this text. Upper and lower case are the same.",
        ),
    ] = None,
    batch: Annotated[str | None, Query(min_length=1, max_length=128, description="Only members of this batch.")] = None,
    since: Annotated[TimeFilter, Query(description="Only jobs created at this time or later (ISO 8601).")] = None,
    until: Annotated[TimeFilter, Query(description="Only jobs created before this time (ISO 8601).")] = None,
    links: Annotated[bool, Query(description="Add a temporary link, `url`, to each output.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Jobs per page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's jobs, newest first.

    With `status` or `filename`, or with `links` and many outputs, a page can have fewer jobs than `limit`, or none,
    even if it is not the last page: the API reads at most 1,000 records per page. The last page has no `next_cursor`.
    """
    page = dependencies.listing.page(
        JobQuery(
            owner=caller(router.current_event),
            status=status,
            filename=filename,
            batch_id=batch,
            first_id=_first_id(since, "since"),
            now=dependencies.clock(),
            before_id=decode_cursor(cursor) if cursor else _first_id(until, "until"),
            limit=limit,
        ),
    )
    settings, api_links = dependencies.settings, dependencies.links_for(router.current_event)
    images, lifetime = dependencies.images_for(api_links), timedelta(seconds=settings.link_seconds)
    sign = make_signer(images, dependencies.clock(), lifetime) if links else None
    jobs = limit_outputs(page.jobs) if links else page.jobs
    next_before = page.next_before_id if len(jobs) == len(page.jobs) else jobs[-1].id
    next_cursor = encode_cursor(next_before) if next_before else None
    view = JobPage(
        jobs=[JobView.of(job, settings.image_bucket, api_links, sign=sign, is_listed=True) for job in jobs],
        next_cursor=next_cursor,
    )
    headers = {}
    if next_cursor:
        query = {
            "status": status.value if status else None,
            "filename": filename,
            "batch": batch,
            "since": since.isoformat() if since else None,
            "links": "true" if links else None,
            "limit": limit,
            "cursor": next_cursor,
        }
        headers["Link"] = f'<{api_links.jobs(query)}>; rel="next"'
    return json_response(view, HTTPStatus.OK, headers)


@dataclass(frozen=True, slots=True)
class _JobRequest:
    """A request for a job."""

    #: What makes it different from others.
    contents: tuple[str | bytes, ...]
    #: Creates the job.
    submit: Callable[[Reservation], Submitted]
    #: Warnings about the request, which the response has in addition to those of the job.
    warnings: tuple[str, ...] = ()


def _read_request(event: BaseProxyEvent, owner: str, dependencies: Dependencies) -> _JobRequest:
    """Read a request for a job.

    The function that creates the job resolves the names of presets, assets and webhooks. If the first request has
    created the job, a repeated request does not resolve them, so it succeeds even if a preset has been deleted.
    """
    query = event.query_string_parameters or {}
    body = read_body(event)
    if isinstance(body, ImageReference):
        options = read_import(query, body.members)
        name = options.filename or body.filename

        def import_image(reservation: Reservation) -> Submitted:
            if created := find_created(reservation, dependencies.jobs, dependencies.queues):
                return created
            catalog = Catalog.of(dependencies, owner, granted(event))
            imports = Imports.of(dependencies)
            return imports.import_image(options, catalog, name, owner, job_id=reservation.job_id, at=reservation.at)

        return _JobRequest((options.model_dump_json(), name or ""), import_image)
    require_accepted(body, dependencies.limits)
    fields = split_fields(body)
    upload_options = read_options(query, fields.options)
    filename = upload_options.filename or body.filename

    def submit(reservation: Reservation) -> Submitted:
        if created := find_created(reservation, dependencies.jobs, dependencies.queues):
            return created
        catalog = Catalog.of(dependencies, owner, granted(event))
        spec = resolve_job_spec(upload_options, catalog, ExpectedImage.read(body.data))
        submission = JobSubmission.of(dependencies)
        return submission.submit(body, spec, filename, owner, job_id=reservation.job_id, at=reservation.at)

    return _JobRequest((body.data, upload_options.model_dump_json(), filename or ""), submit, fields.warnings)


def _first_id(moment: datetime | None, name: str) -> str | None:
    """Return the first ID at a time, which is in UTC if it has no time zone, or None if ``moment`` is None.

    Raises InvalidRequest if no ID can represent this time.
    """
    if moment is None:
        return None
    try:
        return first_id_at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError as error:
        raise InvalidRequest(errors=(FieldError(f"/{name}", "is out of range"),)) from error
