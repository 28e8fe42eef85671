"""``/v1/health`` and ``/v1/capabilities``."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Deps, caller
from api.http.documented import documented
from api.http.responses import json_response
from api.http.schemas import dump
from api.system.sandbox_layers import find_sandbox_layers
from api.system.schemas import CapabilitiesView, HealthView, SandboxView
from shared.version import VERSION

router = Router()


@router.get(
    "/v1/capabilities",
    operation_id="getCapabilities",
    summary="Read the capabilities of the deployment",
    tags=["System"],
    responses=documented({200: ("Operations, formats, limits and built-in presets.", CapabilitiesView)}),
)
def read_capabilities(dependencies: Deps) -> Response[Any]:
    """Return the operations with their schemas, the input and output formats, limits, sandbox and built-in presets."""
    layers = find_sandbox_layers(caller(router.current_event), dependencies)
    sandbox = SandboxView(mode=dependencies.settings.sandbox, layers=layers)
    return json_response(CapabilitiesView.of(dependencies.limits, sandbox, dependencies.settings.max_wait_seconds))


@router.get(
    "/v1/health",
    operation_id="getHealth",
    summary="Check the health of the API",
    tags=["System"],
    responses=documented({200: ("The API and its job table respond.", HealthView)}),
)
def read_health(dependencies: Deps) -> Response[Any]:
    """Return 200 if the API and its job table respond, or 503 if the job table does not respond."""
    dependencies.jobs.ping()
    return Response(
        200,
        content_type="application/json",
        body=dump(HealthView(status="ok", version=VERSION)),
        headers={"Cache-Control": "no-store"},
    )
