"""``/v1/jobs/{id}/receipt``: what a job was made of and by what."""

import json
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header

from api.dependencies import Deps, caller
from api.http.etags import is_known
from api.http.parameters import JobId
from api.jobs.lifecycle import living, own_job
from api.jobs.receipt_view import ReceiptView
from api.jobs.responses import RETRY_AFTER_SECONDS
from api.openapi.document import documented
from shared.errors import JobHasFailed, JobNotFound, ReceiptNotFound, ResultNotReady
from shared.jobs.job import JobStatus
from shared.jobs.receipt import receipt_digest

router = Router()


@router.get(
    "/v1/jobs/<job_id>/receipt",
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
def read_receipt(
    job_id: JobId,
    dependencies: Deps,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response[Any]:
    """Answer with what a completed job was made of, by which software, and what came of it; it never changes."""
    job = living(own_job(job_id, caller(router.current_event), dependencies.jobs), dependencies.clock())
    if not job.status.is_terminal:
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    if job.status is not JobStatus.COMPLETED:
        raise JobHasFailed(f"The job ended as {job.status.value}; only a result has a receipt.")
    if job.receipt is None:
        raise ReceiptNotFound
    digest = receipt_digest(job.receipt)
    headers: dict[str, str | list[str]] = {"ETag": f'"{digest}"', "Cache-Control": "no-cache"}
    if is_known(f'"{digest}"', if_none_match):
        return Response(HTTPStatus.NOT_MODIFIED, body="", headers=headers)
    body = {"digest": digest, "receipt": json.loads(job.receipt)}
    return Response(HTTPStatus.OK, content_type="application/json", body=body, headers=headers)
