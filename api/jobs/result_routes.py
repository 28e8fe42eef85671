"""``/v1/jobs/{id}``: the processed images, the raw image and the receipt.

S3 accepts a link only for the method that it is signed for, so HEAD redirects to a link of its own.
"""

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from api.dependencies import Dependencies, Deps, caller
from api.http.documented import documented
from api.http.gateway_event import is_head
from api.http.parameters import IfNoneMatch, JobId, Redirect
from api.http.responses import json_response, link_response
from api.http.schemas import LinkView
from api.jobs.lifecycle import get_own_job, require_unexpired
from api.jobs.responses import RETRY_AFTER_SECONDS
from api.jobs.schemas import ReceiptView
from api.jobs.stored_images import find_stored_image
from shared.errors import (
    InvalidRequest,
    JobHasFailed,
    JobNotFound,
    OutputNotFound,
    RawImageMissing,
    ReceiptNotFound,
    ResultExpired,
    ResultNotReady,
)
from shared.filenames import match_extension, replace_extension
from shared.jobs.job import Job, JobStatus
from shared.jobs.receipt import digest_receipt
from shared.jobs.source import ImportSource
from shared.pipeline.image_formats import BY_NAME

RESULT = {303: ("Redirect to the processed image.", LinkView), 200: ("The link, with `redirect=false`.", LinkView)}
RAW = {303: ("Redirect to the raw image.", LinkView), 200: ("The link, with `redirect=false`.", LinkView)}

router = Router()


@router.get(
    "/v1/jobs/<job_id>/result",
    operation_id="getJobResult",
    summary="Fetch the first output",
    tags=["Jobs"],
    responses=documented(RESULT, JobNotFound, ResultNotReady, JobHasFailed, ResultExpired, InvalidRequest),
)
def read_result(job_id: JobId, dependencies: Deps, redirect: Redirect = True) -> Response[Any]:
    """Redirect to a temporary link to the processed image of the first output."""
    return _output_response(_get_completed_job(job_id, dependencies), None, dependencies, redirect=redirect)


@router.get(
    "/v1/jobs/<job_id>/outputs/<name>",
    operation_id="getJobOutput",
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
    redirect: Redirect = True,
) -> Response[Any]:
    """Redirect to a temporary link to the processed image of one output."""
    return _output_response(_get_completed_job(job_id, dependencies), name, dependencies, redirect=redirect)


@router.get(
    "/v1/jobs/<job_id>/raw",
    operation_id="getJobRawImage",
    summary="Fetch the raw image",
    tags=["Jobs"],
    responses=documented(
        RAW, JobNotFound, ResultNotReady, JobHasFailed, ResultExpired, RawImageMissing, InvalidRequest
    ),
)
def read_raw(job_id: JobId, dependencies: Deps, redirect: Redirect = True) -> Response[Any]:
    """Redirect to a temporary link to the raw image.

    A file that was sent by direct upload is available only after a worker has recognized it as an image.
    """
    event = router.current_event
    now = dependencies.clock()
    job = _require_result(get_own_job(job_id, caller(event), dependencies.jobs), now)
    image_format = BY_NAME.get(job.raw.format or "")
    if image_format is None or job.raw.size is None:
        # A file sent with an upload form may be anything. It is available only after a worker has read it.
        if job.status.is_terminal:
            raise JobHasFailed("No worker has read the image.")
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    _require_copy(job, dependencies)
    images = dependencies.images_for(dependencies.links_for(event))
    lifetime = timedelta(seconds=dependencies.settings.link_seconds)
    # The name has the extension that the caller declared. The content may be of another format.
    filename = match_extension(job.filename, image_format.extension, *image_format.other_extensions)
    link = images.raw_link(job.raw, filename=filename, lifetime=lifetime, now=now, is_head=is_head(event))
    view = LinkView.of(link, media_type=image_format.media_type, size=job.raw.size, filename=filename)
    return link_response(view, redirect=redirect)


@router.get(
    "/v1/jobs/<job_id>/receipt",
    operation_id="getJobReceipt",
    summary="Read the receipt of a job",
    tags=["Jobs"],
    responses=documented(
        {200: ("The receipt and its digest.", ReceiptView), 304: ("Unchanged.", None)},
        JobNotFound,
        ReceiptNotFound,
        ResultNotReady,
        JobHasFailed,
    ),
)
def read_receipt(job_id: JobId, dependencies: Deps, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Return the receipt of a completed job: its raw image, pipeline, software and outputs. A receipt never changes."""
    job = get_own_job(job_id, caller(router.current_event), dependencies.jobs)
    require_unexpired(job, dependencies.clock())
    if not job.status.is_terminal:
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    if job.status is not JobStatus.COMPLETED:
        raise JobHasFailed(f"The job ended as {job.status.value}. Only a completed job has a receipt.")
    if job.receipt is None:
        raise ReceiptNotFound
    digest = digest_receipt(job.receipt)
    body = {"digest": digest, "receipt": json.loads(job.receipt)}
    return json_response(body, HTTPStatus.OK, {"ETag": f'"{digest}"'}, if_none_match=if_none_match)


def _get_completed_job(job_id: str, dependencies: Dependencies) -> Job:
    job = get_own_job(job_id, caller(router.current_event), dependencies.jobs)
    if not job.status.is_terminal:
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    if job.status is not JobStatus.COMPLETED:
        why = f": {job.error.code}. {job.error.message}" if job.error else "."
        raise JobHasFailed(f"The job ended as {job.status.value}{why}")
    return _require_result(job, dependencies.clock())


def _require_result(job: Job, now: datetime) -> Job:
    if job.expires_at is not None and job.expires_at <= now:
        raise ResultExpired
    return job


def _require_copy(job: Job, dependencies: Dependencies) -> None:
    """Check that the raw image of a job is stored if it is a copy of another job's, whose format is known before.

    Raises ResultNotReady before the worker has made the copy, or RawImageMissing if the job has ended without it.
    """
    if not isinstance(job.source, ImportSource) or job.source.job_id is None:
        return
    if find_stored_image(job, dependencies.sources, dependencies.settings.image_bucket) is None:
        if job.status.is_terminal:
            raise RawImageMissing
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)


def _output_response(job: Job, name: str | None, dependencies: Dependencies, *, redirect: bool) -> Response[Any]:
    output = next((output for output in job.outputs if name in {None, output.name}), None)
    if output is None:
        names = ", ".join(each.name for each in job.outputs)
        raise OutputNotFound(f"The job has no output {name!r}. It has: {names}.")
    event = router.current_event
    filename = replace_extension(job.filename, BY_NAME[output.format].extension)
    images = dependencies.images_for(dependencies.links_for(event))
    lifetime = timedelta(seconds=dependencies.settings.link_seconds)
    now = dependencies.clock()
    link = images.link(output, filename=filename, lifetime=lifetime, now=now, is_head=is_head(event))
    view = LinkView.of(link, media_type=output.media_type, size=output.size, filename=filename)
    return link_response(view, redirect=redirect)
