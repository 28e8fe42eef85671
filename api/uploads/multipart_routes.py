"""``/v1/uploads/{job_id}``: the parts of a multipart upload; and ``/v1/uploads/sign`` for Uppy 6."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.dependencies import Deps, Log, caller, granted
from api.http.body import read_json
from api.http.documented import documented
from api.http.parameters import IdempotencyKey, JobId
from api.http.responses import json_response
from api.jobs.lifecycle import require_granted
from api.jobs.responses import job_response, log_send_error
from api.jobs.schemas import JobView
from api.uploads.creation import CREATION_ERRORS, create_upload
from api.uploads.multipart import Multipart
from api.uploads.multipart_schemas import (
    CompleteRequest,
    PartsView,
    SignedPartsView,
    SignedRequestView,
    SignPartsRequest,
    read_body_as,
    read_sign_request,
    to_upload_request,
)
from shared.errors import (
    BadJson,
    InvalidRequest,
    JobNotFound,
    MultipartNotFound,
    NotAwaitingUpload,
    NotMultipart,
    PartETagMismatch,
    PartNotAllowed,
    PartSizeMismatch,
    PartsMissing,
    UnsupportedMediaType,
)
from shared.jobs.object_keys import job_of_direct_key

router = Router()

UploadIdQuery = Annotated[str, Query(min_length=1, max_length=1024, description="`upload_id` of the multipart upload.")]


@router.get(
    "/v1/uploads/<job_id>/parts",
    operation_id="listParts",
    summary="List the parts of an upload",
    tags=["Uploads"],
    responses=documented(
        {200: ("The parts that S3 has.", PartsView)},
        InvalidRequest,
        JobNotFound,
        NotMultipart,
        NotAwaitingUpload,
        MultipartNotFound,
    ),
)
def list_parts(job_id: JobId, dependencies: Deps, upload_id: UploadIdQuery) -> Response[Any]:
    """List the parts that S3 has, so that you can continue an interrupted upload with the others."""
    owner = caller(router.current_event)
    plan, parts = Multipart.of(dependencies).list_parts(job_id, owner, upload_id)
    return json_response(PartsView.of(upload_id, plan, parts), HTTPStatus.OK, {})


@router.post(
    "/v1/uploads/<job_id>/parts",
    operation_id="signParts",
    summary="Sign parts of an upload",
    tags=["Uploads"],
    responses=documented(
        {200: ("A signed request for each part.", SignedPartsView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        JobNotFound,
        NotMultipart,
        NotAwaitingUpload,
        PartNotAllowed,
    ),
)
def sign_parts(job_id: JobId, dependencies: Deps) -> Response[Any]:
    """Return a signed `PUT` request for each of up to 100 parts. S3 accepts only a part of the right size."""
    event = router.current_event
    body = read_body_as(SignPartsRequest, read_json(event))
    multipart = Multipart.of(dependencies, dependencies.links_for(event))
    parts = multipart.sign_parts(job_id, caller(event), body.upload_id, body.part_numbers)
    return json_response(SignedPartsView(parts=parts), HTTPStatus.OK, {})


@router.post(
    "/v1/uploads/<job_id>/complete",
    operation_id="completeUpload",
    summary="Complete a multipart upload",
    tags=["Uploads"],
    responses=documented(
        {202: ("The job.", JobView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        JobNotFound,
        NotMultipart,
        NotAwaitingUpload,
        MultipartNotFound,
        PartNotAllowed,
        PartsMissing,
        PartSizeMismatch,
        PartETagMismatch,
    ),
)
def complete_upload(job_id: JobId, dependencies: Deps, log: Log) -> Response[Any]:
    """Join the parts in S3, so that the job is processed. Idempotent: repeat the request until it succeeds."""
    event = router.current_event
    body = read_body_as(CompleteRequest, read_json(event))
    submitted = Multipart.of(dependencies).complete(job_id, caller(event), body.upload_id, body.references())
    facts = {"job_id": submitted.job.id}
    log.info("Multipart upload completed", extra=facts | {"status": submitted.job.status.value})
    log_send_error(log, submitted, facts)
    links = dependencies.links_for(event)
    headers = {"Location": links.job(submitted.job.id)}
    return job_response(submitted.job, dependencies.settings.image_bucket, links, HTTPStatus.ACCEPTED, headers)


@router.post(
    "/v1/uploads/<job_id>/abort",
    operation_id="abortUpload",
    summary="Abort a multipart upload",
    tags=["Uploads"],
    responses=documented({200: ("The cancelled job.", JobView)}, JobNotFound, NotMultipart, NotAwaitingUpload),
)
def abort_upload(job_id: JobId, dependencies: Deps, log: Log) -> Response[Any]:
    """Delete the parts of an unfinished upload and cancel its job. Idempotent."""
    event = router.current_event
    job = Multipart.of(dependencies).abort(job_id, caller(event), at=dependencies.clock())
    log.info("Multipart upload aborted", extra={"job_id": job.id})
    bucket = dependencies.settings.image_bucket
    return job_response(job, bucket, dependencies.links_for(event), HTTPStatus.OK, {})


@router.post(
    "/v1/uploads/sign",
    operation_id="signUpload",
    summary="Sign a request of Uppy",
    tags=["Uploads"],
    responses=documented(
        {200: ("The signed request.", SignedRequestView)},
        *CREATION_ERRORS,
        JobNotFound,
        NotMultipart,
        NotAwaitingUpload,
        MultipartNotFound,
        PartNotAllowed,
        PartsMissing,
        PartSizeMismatch,
    ),
)
def sign_request(dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Sign one request to S3. Request and response are those of `signRequest` of Uppy 6 (`@uppy/aws-s3`).

    A request without `uploadId` creates a job. Add its options as further members or as query parameters: the options
    of `POST /v1/uploads`, and `size`, which multipart uploads need.
    """
    event = router.current_event
    query, fields = event.query_string_parameters or {}, read_json(event)
    asked = read_sign_request(fields)
    multipart = Multipart.of(dependencies, dependencies.links_for(event))
    if asked.upload_id is not None:
        require_granted(job_of_direct_key(asked.key) or "", granted(event), dependencies.jobs)
        return json_response(multipart.sign_next(asked, caller(event), at=dependencies.clock()), HTTPStatus.OK, {})
    upload = to_upload_request(asked, query, fields)
    done, job = create_upload(upload, "POST /v1/uploads/sign", idempotency_key, router, dependencies, log)
    return json_response(multipart.sign_first(job), HTTPStatus.OK, done.headers)
