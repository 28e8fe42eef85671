"""The creation of a direct upload, which two routes share."""

from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Dependencies, caller, granted, requester
from api.http.idempotency import KEY_ERRORS, Done, identify_request, run_once, time_left
from api.jobs.job_spec import SPEC_ERRORS, Catalog, resolve_job_spec
from api.jobs.responses import get_submitted_job, log_submission, remember_job
from api.jobs.submission import Submitted, find_created
from api.uploads.schemas import UploadRequest
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import (
    BadJson,
    DailyBytesExceeded,
    InvalidRequest,
    SafelightError,
    TooManyBytes,
    TooManyOpenJobs,
    UnsupportedImageType,
    UnsupportedMediaType,
)
from shared.jobs.job import Job

#: Errors of a request that creates an upload.
CREATION_ERRORS: Final[tuple[type[SafelightError], ...]] = (
    BadJson,
    UnsupportedMediaType,
    UnsupportedImageType,
    InvalidRequest,
    *SPEC_ERRORS,
    TooManyBytes,
    TooManyOpenJobs,
    DailyBytesExceeded,
    *KEY_ERRORS,
)


def create_upload(  # noqa: PLR0913, PLR0917 - the request
    upload: UploadRequest,
    route: str,
    idempotency_key: str | None,
    router: Router,
    dependencies: Dependencies,
    log: Logger,
) -> tuple[Done[Submitted], Job]:
    """Create a job that awaits its file, once for each idempotency key. Return the outcome and the job.

    ``route`` is the method and path of the request, so that equal keys of two routes do not meet. Raises the errors of
    ``CREATION_ERRORS``, and JobNotFound if the job of a repeated request was deleted.
    """
    event = router.current_event
    owner = caller(event)
    request = identify_request(idempotency_key, requester(event), route, upload.model_dump_json())

    def run(reservation: Reservation) -> Submitted:
        if created := find_created(reservation, dependencies.jobs, dependencies.queues):
            return created
        spec = resolve_job_spec(upload, Catalog.of(dependencies, owner, granted(event)))
        return Uploads.of(dependencies).announce(upload, spec, owner, job_id=reservation.job_id, at=reservation.at)

    done = run_once(request, run, remember_job, dependencies.requests, dependencies.clock, time_left(router))
    log_submission(log, "Direct upload created", done)
    return done, get_submitted_job(done, owner, dependencies.jobs)
