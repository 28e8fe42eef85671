"""What this deployment can do."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Deps
from api.http.documented import documented
from api.http.responses import json_response
from api.system.schemas import CapabilitiesView

router = Router()


@router.get(
    "/v1/capabilities",
    summary="Tell what this deployment can do",
    tags=["System"],
    responses=documented({200: ("Operations, formats, limits, presets.", CapabilitiesView)}),
)
def read_capabilities(dependencies: Deps) -> Response[Any]:
    """Answer with operations and their schemas, input and output formats, limits and built-in presets."""
    return json_response(CapabilitiesView.of(dependencies.limits), HTTPStatus.OK, {})
