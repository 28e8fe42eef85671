"""``/v1/uploads``: direct uploads. The caller sends a file to S3 with a form or request that the API has signed."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Deps, Log, caller, requester
from api.http.body import read_json
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey, JobId
from api.http.responses import json_response
from api.jobs.responses import get_submitted_job, job_headers, job_response, log_submission, remember_job
from api.jobs.schemas import JobView
from api.jobs.submission import Submitted
from api.uploads.creation import CREATION_ERRORS, create_upload
from api.uploads.schemas import FormView, UploadJobView, read_upload_request
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    JobNotFound,
    NotAwaitingUpload,
    UploadIncomplete,
)

router = Router()


@router.post(
    "/v1/uploads",
    operation_id="createUpload",
    summary="Create a direct upload",
    tags=["Uploads"],
    responses=documented(
        {201: ("The job, which is AWAITING_UPLOAD, and how to send its file.", UploadJobView)},
        *CREATION_ERRORS,
    ),
)
def announce(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Create a job, and return how you send its image straight to S3: with a form, one signed `PUT`, or in parts.

    The image can be as large as the limits for raw images allow. An upload in parts (`"method": "multipart"`) continues
    after an interruption.
    """
    event = router.current_event
    upload = read_upload_request(event.query_string_parameters or {}, read_json(event))
    done, job = create_upload(upload, "POST /v1/uploads", idempotency_key, router, dependencies, log)
    links = dependencies.links_for(event)
    view = UploadJobView(
        **JobView.of(job, dependencies.settings.image_bucket, links).model_dump(),
        **Uploads.of(dependencies, links).instruct(job, start=True).model_dump(),
    )
    return json_response(view, HTTPStatus.CREATED, job_headers(job, {"Location": links.job(job.id), **done.headers}))


@router.post(
    "/v1/uploads/<job_id>/form",
    operation_id="renewUpload",
    summary="Renew an upload form",
    tags=["Uploads"],
    responses=documented(
        {200: ("A new form or signed request, which is valid for the full time, or the multipart upload.", FormView)},
        JobNotFound,
        NotAwaitingUpload,
        *KEY_ERRORS,
    ),
)
def renew_form(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Return a new form or signed request for an upload. It is valid for the full time, which starts again.

    For a multipart upload, return its ID, and start it if there is none. The time to continue it stays the same.
    """
    event = router.current_event
    owner = caller(event)
    request = identify_request(idempotency_key, requester(event), "POST /v1/uploads/{job_id}/form", job_id.upper())

    def run(_: Reservation) -> Submitted:
        return Submitted(Uploads.of(dependencies).renew(job_id, owner))

    done = run_once(request, run, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Upload form renewed", done)
    job = get_submitted_job(done, owner, dependencies.jobs)
    instructions = Uploads.of(dependencies, dependencies.links_for(event)).instruct(job, start=True)
    if instructions.is_empty:
        raise NotAwaitingUpload(f"The job is {job.status.value}.")
    return json_response(FormView(**instructions.model_dump()), HTTPStatus.OK, done.headers)


@router.post(
    "/v1/uploads/<job_id>/confirm",
    operation_id="confirmUpload",
    summary="Confirm an upload",
    tags=["Uploads"],
    responses=documented({202: ("The job.", JobView)}, JobNotFound, UploadIncomplete, *KEY_ERRORS),
)
def confirm_upload(
    job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Confirm that the file is in S3, so that the job is processed. The event that S3 sends has the same effect."""
    event = router.current_event
    owner = caller(event)
    request = identify_request(idempotency_key, requester(event), "POST /v1/uploads/{job_id}/confirm", job_id.upper())

    def run(_: Reservation) -> Submitted:
        return Uploads.of(dependencies).confirm(job_id, owner)

    done = run_once(request, run, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Upload confirmed", done)
    job = get_submitted_job(done, owner, dependencies.jobs)
    links = dependencies.links_for(event)
    headers = {"Location": links.job(job.id), **done.headers}
    return job_response(job, dependencies.settings.image_bucket, links, HTTPStatus.ACCEPTED, headers)
