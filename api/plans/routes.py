"""``/v1/plan``: predict what a job would do, without creating it."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Deps, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.responses import json_response
from api.jobs.job_spec import PIPELINE_ERRORS, Catalog, resolve_job_spec
from api.plans.planner import plan
from api.plans.schemas import read_plan_request
from api.plans.views import PlanView
from api.presets.output_budget import ExpectedImage
from shared.errors import (
    BadJson,
    InvalidRequest,
    UnsupportedMediaType,
)

router = Router()


@router.post(
    "/v1/plan",
    operation_id="planJob",
    summary="Plan a job without uploading",
    tags=["Jobs"],
    responses=documented(
        {200: ("What the job would do, and the error with which it would fail, if any.", PlanView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        *PIPELINE_ERRORS,
    ),
)
def plan_job(dependencies: Deps) -> Response[Any]:
    """Return the sizes, warnings, limits and estimated cost of a job, without an upload. Nothing is stored."""
    event = router.current_event
    image, options = read_plan_request(read_json(event))
    expected = ExpectedImage(image.width, image.height, image.image_format)
    spec = resolve_job_spec(options, Catalog.of(dependencies, caller(event)), expected)
    limits = dependencies.limits
    view = PlanView.of(image, spec, plan(image, spec.require_pipeline(), limits), limits)
    return json_response(view, HTTPStatus.OK, {})
