"""``/v1/openapi.json``, and ``/v1/docs``, which shows it with Swagger UI and loads nothing from other hosts."""

import json
from importlib.resources import files

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

from api.dependencies import get_dependencies
from api.openapi.document import document

PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_documents(app: APIGatewayRestResolver) -> None:
    """Add the two routes to an application. They describe its other routes."""

    @app.get("/v1/openapi.json", include_in_schema=False)
    def read_openapi() -> Response[str]:
        return Response(200, content_type="application/json", body=_dump_document(app))

    @app.get("/v1/docs", include_in_schema=False)
    def read_docs() -> Response[str]:
        swagger = files("aws_lambda_powertools.event_handler.openapi") / "swagger_ui"
        page = generate_swagger_html(
            _dump_document(app).replace("</", "<\\/"),
            (swagger / "swagger-ui-bundle.min.js").read_text("utf-8"),
            (swagger / "swagger-ui.min.css").read_text("utf-8"),
            swagger_base_url="",
            oauth2_config=None,
        )
        return Response(
            200,
            content_type="text/html; charset=utf-8",
            body=page.replace("<title>Swagger UI", "<title>Safelight API"),
            headers={"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"},
        )


def _dump_document(app: APIGatewayRestResolver) -> str:
    links = get_dependencies().links_for(app.current_event)
    return json.dumps(document(app, links.base))
