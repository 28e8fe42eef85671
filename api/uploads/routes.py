"""``/v1/uploads``: bytes that go straight to S3, with a form that the API signs."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.idempotency import keyed, once
from api.http.idempotency_key import IdempotencyKey, remembered, tell_submitted, time_left
from api.http.links import Links
from api.http.parameters import JobId
from api.jobs.job_spec import choose
from api.jobs.lifecycle import own_job
from api.jobs.responses import job_headers, job_response, json_response
from api.jobs.schemas import JobView
from api.jobs.submission import Submitted
from api.openapi.document import documented
from api.uploads.schemas import read_upload_request
from api.uploads.use_cases import announced, confirm, form_for, renew
from api.uploads.views import FormView, UploadJobView, UploadView
from shared.aws.dynamodb.request_log import Reservation
from shared.errors import (
    BadJson,
    InvalidPipeline,
    InvalidRequest,
    JobNotFound,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    NotAwaitingUpload,
    NotificationsOff,
    TooManyBytes,
    UnknownPreset,
    UnknownWebhook,
    UnsupportedImageType,
    UnsupportedMediaType,
    UploadIncomplete,
    WatermarkNotFound,
)

router = Router()


@router.post(
    "/v1/uploads",
    summary="Announce an upload",
    tags=["Uploads"],
    responses=documented(
        {201: ("The job, AWAITING_UPLOAD, and the form for its bytes.", UploadJobView)},
        BadJson,
        UnsupportedMediaType,
        UnsupportedImageType,
        InvalidRequest,
        InvalidPipeline,
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
def announce(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Make a job for bytes that go straight to S3, whatever their size up to the limit of a raw image."""
    event = router.current_event
    owner = caller(event)
    wanted = read_upload_request(event.query_string_parameters or {}, read_json(event))
    request = keyed(idempotency_key, owner, "POST /v1/uploads", wanted.model_dump_json())

    def make(ticket: Reservation) -> Submitted:
        choice = choose(wanted, dependencies.library(owner))
        job = announced(wanted, choice, owner, dependencies.ramp(), job_id=ticket.job_id, at=ticket.at)
        return Submitted(dependencies.jobs.create(job), None)

    done = once(request, make, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Upload announced", done)
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, dependencies.jobs)
    links = _links(dependencies)
    view = UploadJobView(
        **JobView.of(job, dependencies.settings.image_bucket, links).model_dump(),
        upload=UploadView.of(form_for(job, dependencies.ramp(links))),
    )
    headers = {"Location": links.job(job.id), **done.headers}
    return json_response(view, HTTPStatus.CREATED, job_headers(job, headers))


@router.post(
    "/v1/uploads/<job_id>/form",
    summary="Ask for a fresh form",
    tags=["Uploads"],
    responses=documented(
        {200: ("The form, good for the full time.", FormView)},
        JobNotFound,
        NotAwaitingUpload,
        KeyInvalid,
        KeyInUse,
        KeyReused,
    ),
)
def renew_form(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Give an upload its full time again, with a new form."""
    owner = caller(router.current_event)
    request = keyed(idempotency_key, owner, "POST /v1/uploads/{job_id}/form", job_id.upper())

    def give(_: Reservation) -> Submitted:
        return Submitted(renew(job_id, owner, dependencies.ramp()), None)

    done = once(request, give, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Upload form renewed", done)
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, dependencies.jobs)
    form = form_for(job, dependencies.ramp(_links(dependencies)))
    if form is None:
        raise NotAwaitingUpload(f"The job is {job.status.value}.")
    return json_response(FormView(upload=UploadView.made(form)), HTTPStatus.OK, done.headers)


@router.post(
    "/v1/uploads/<job_id>/confirm",
    summary="Confirm an upload",
    tags=["Uploads"],
    responses=documented({202: ("The job.", JobView)}, JobNotFound, UploadIncomplete, KeyInvalid, KeyInUse, KeyReused),
)
def confirm_upload(
    job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Say that the bytes are sent. S3 tells it too; whichever comes first counts."""
    owner = caller(router.current_event)
    request = keyed(idempotency_key, owner, "POST /v1/uploads/{job_id}/confirm", job_id.upper())

    def accept(_: Reservation) -> Submitted:
        return confirm(job_id, owner, dependencies.ramp())

    done = once(request, accept, remembered, dependencies.requests, dependencies.clock, time_left(router))
    tell_submitted(log, "Upload confirmed", done)
    job = done.value.job if done.value else own_job(done.answer["job_id"], owner, dependencies.jobs)
    links = _links(dependencies)
    headers = {"Location": links.job(job.id), **done.headers}
    return job_response(job, dependencies.settings.image_bucket, links, HTTPStatus.ACCEPTED, headers)


def _links(dependencies: Dependencies) -> Links:
    return Links.for_request(router.current_event, dependencies.settings.api_path_prefix)
