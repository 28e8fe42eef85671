"""The way back to the image as it was sent, so that a page can show it beside the result."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.dependencies import Deps, caller
from api.http.links import Links
from api.jobs.lifecycle import own_job
from api.jobs.responses import RETRY_AFTER_SECONDS, json_response
from api.jobs.schemas import LinkView
from api.openapi.document import documented
from shared.errors import InvalidRequest, JobHasFailed, JobNotFound, ResultExpired, ResultNotReady
from shared.pipeline.image_formats import BY_NAME

RAW = {303: ("To the raw image.", LinkView), 200: ("The link, with `redirect=false`.", LinkView)}

router = Router()


@router.get(
    "/v1/jobs/<job_id>/raw",
    summary="Fetch the raw image",
    tags=["Jobs"],
    responses=documented(RAW, JobNotFound, ResultNotReady, JobHasFailed, ResultExpired, InvalidRequest),
)
def read_raw(
    job_id: Annotated[str, Path(description="ULID of the job.")],
    dependencies: Deps,
    redirect: Annotated[bool, Query(description="False: answer with the link as JSON.")] = True,
) -> Response[Any]:
    """Redirect to a link to the image as it was sent, once it is known to be one."""
    event = router.current_event
    job = own_job(job_id, caller(event), dependencies.jobs)
    now = dependencies.clock()
    if job.expires_at is not None and job.expires_at <= now:
        raise ResultExpired
    media_type = BY_NAME[job.raw.format].media_type if job.raw.format in BY_NAME else None
    if media_type is None or job.raw.size is None:
        # Bytes that came by a form are whatever the caller sent; they are shown once a worker has read them.
        if job.status.is_terminal:
            raise JobHasFailed("No worker has read the picture.")
        raise ResultNotReady(retry_after_seconds=RETRY_AFTER_SECONDS)
    links = Links.for_request(event, dependencies.settings.api_path_prefix)
    lifetime = timedelta(seconds=dependencies.settings.link_seconds)
    link = dependencies.images_for(links).raw_link(job.raw, filename=job.filename, lifetime=lifetime, now=now)
    view = LinkView.of(link, media_type=media_type, size=job.raw.size, filename=job.filename)
    if redirect:
        return json_response(view, HTTPStatus.SEE_OTHER, {"Location": link.url})
    return json_response(view, HTTPStatus.OK, {})
