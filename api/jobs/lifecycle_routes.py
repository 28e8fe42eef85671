"""``/v1/jobs/{id}``: cancel, retry and delete a job."""

from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Dependencies, Deps, Log, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.idempotency import KEY_ERRORS, Done, identify_request, run_once, time_left
from api.http.parameters import IdempotencyKey, JobId
from api.http.responses import json_response
from api.jobs.deletion_views import DeletionView
from api.jobs.job_spec import PIPELINE_ERRORS, Catalog, resolve_job_spec
from api.jobs.lifecycle import JobLifecycle
from api.jobs.options import Options, read_options
from api.jobs.responses import get_submitted_job, job_response, log_submission, remember_job
from api.jobs.schemas import JobView
from api.jobs.submission import Submitted
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    BadJson,
    FieldError,
    InvalidRequest,
    JobFinished,
    JobNotFound,
    JobNotRetriable,
    UnsupportedMediaType,
)

router = Router()


@router.post(
    "/v1/jobs/<job_id>/cancel",
    operation_id="cancelJob",
    summary="Cancel a job",
    tags=["Jobs"],
    responses=documented({200: ("The cancelled job.", JobView)}, JobNotFound, JobFinished, *KEY_ERRORS),
)
def cancel(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Cancel an open job. The result of a running attempt is discarded."""
    owner = caller(router.current_event)
    request = identify_request(idempotency_key, owner, "POST /v1/jobs/{job_id}/cancel", job_id.upper())

    def run(reservation: Reservation) -> Submitted:
        lifecycle = JobLifecycle.of(dependencies)
        return Submitted(lifecycle.cancel(job_id, owner, at=reservation.at, is_repeat=reservation.is_repeat))

    done = run_once(request, run, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Job cancelled", done)
    return _response(done, owner, dependencies, HTTPStatus.OK)


@router.post(
    "/v1/jobs/<job_id>/retry",
    operation_id="retryJob",
    summary="Retry a job",
    tags=["Jobs"],
    responses=documented(
        {202: ("The job, which is PENDING again.", JobView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        *PIPELINE_ERRORS,
        JobNotFound,
        JobNotRetriable,
        *KEY_ERRORS,
    ),
)
def retry(job_id: JobId, dependencies: Deps, log: Log, idempotency_key: IdempotencyKey = None) -> Response[Any]:
    """Retry a failed or cancelled job, by default with its own pipeline.

    To use another pipeline, send the options of `POST /v1/jobs`.
    """
    event = router.current_event
    owner = caller(event)
    options = read_options(event.query_string_parameters or {}, read_json(event))
    _refuse_fixed_options(options)
    route = "POST /v1/jobs/{job_id}/retry"
    request = identify_request(idempotency_key, owner, route, job_id.upper(), options.model_dump_json())

    def run(reservation: Reservation) -> Submitted:
        lifecycle = JobLifecycle.of(dependencies)
        resolve = partial(resolve_job_spec, options, Catalog.of(dependencies, owner))
        return lifecycle.retry(
            job_id,
            owner,
            at=reservation.at,
            is_repeat=reservation.is_repeat,
            resolve=resolve if options.model_fields_set else None,
        )

    done = run_once(request, run, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Job retried", done)
    return _response(done, owner, dependencies, HTTPStatus.ACCEPTED)


@router.delete(
    "/v1/jobs/<job_id>",
    operation_id="deleteJob",
    summary="Delete a job",
    tags=["Jobs"],
    responses=documented({200: ("What was deleted, what remains, and for how long.", DeletionView)}, JobNotFound),
)
def delete(job_id: JobId, dependencies: Deps, log: Log) -> Response[Any]:
    """Delete a job in any state, with its raw image and all outputs. Links to these images stop working.

    The response states what was deleted. A repeated request returns the same statement for 30 days.
    """
    lifecycle = JobLifecycle.of(dependencies)
    deletion = lifecycle.delete(job_id, caller(router.current_event), at=dependencies.clock())
    log.info("Job deleted", extra={"job_id": deletion.job_id, "objects": deletion.object_count})
    return json_response(DeletionView.of(deletion, dependencies.settings))


def _response(done: Done[Submitted], owner: str, dependencies: Dependencies, status: HTTPStatus) -> Response[Any]:
    job = get_submitted_job(done, owner, dependencies.jobs)
    links = dependencies.links_for(router.current_event)
    headers = {"Location": links.job(job.id)} if status is HTTPStatus.ACCEPTED else {}
    return job_response(job, dependencies.settings.image_bucket, links, status, headers | done.headers)


def _refuse_fixed_options(options: Options) -> None:
    """Raise InvalidRequest if the request contains an option that a retry can't change."""
    for name in ("filename", "webhook", "facts"):
        if getattr(options, name) is not None:
            raise InvalidRequest(errors=(FieldError(f"/{name}", f"a retry can't change the {name} of the job"),))
