"""``/v1/health``: whether the API works."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import Deps
from api.http.documented import documented
from api.http.schemas import dump
from api.system.schemas import HealthView
from shared.version import VERSION

router = Router()


@router.get(
    "/v1/health",
    summary="Tell whether the API works",
    tags=["System"],
    responses=documented({200: ("It does.", HealthView)}),
)
def read_health(dependencies: Deps) -> Response[Any]:
    """Answer 200 when the function runs and its table answers, 503 when that does not."""
    dependencies.jobs.ping()
    return Response(
        200,
        content_type="application/json",
        body=dump(HealthView(status="ok", version=VERSION)),
        headers={"Cache-Control": "no-store"},
    )
