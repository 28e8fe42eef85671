"""``/v1``, an index, ``/v1/openapi.json``, and ``/v1/docs``, which shows the document with Swagger UI.

The page loads nothing from other hosts.
"""

import hashlib
import json
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

from api.dependencies import get_dependencies
from api.http.etags import matches_any
from api.http.responses import json_response
from api.openapi.document import document
from shared.version import VERSION

PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: Links of the index, ``GET /v1``.
INDEX: Final = {
    "openapi": "openapi.json",
    "docs": "docs",
    **{
        name: name
        for name in ("capabilities", "health", "jobs", "uploads", "batches", "presets", "assets", "webhooks", "errors")
    },
}


def add_documents(app: APIGatewayRestResolver) -> None:
    """Add the three routes to an application. They describe its other routes."""

    # The document takes about a second to build. The cache is bounded, because a caller can send any ``Host``.
    @lru_cache(maxsize=4)
    def dump_document(base: str) -> str:
        return json.dumps(document(app, base))

    def find_base() -> str:
        return get_dependencies().links_for(app.current_event).base

    @app.get("/v1", include_in_schema=False)
    def read_index() -> Response[Any]:
        base = f"{find_base()}/v1"
        links = {name: f"{base}/{path}" for name, path in INDEX.items()}
        body = {"name": "Safelight", "version": VERSION, "links": {"self": base, **links}}
        return json_response(body)

    @app.get("/v1/openapi.json", include_in_schema=False)
    def read_openapi() -> Response[str]:
        body = dump_document(find_base())
        # The tag is weak, because the gateway compresses the body.
        tag = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        headers: dict[str, str | list[str]] = {
            "ETag": tag,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding, Host",
        }
        if matches_any(tag, app.current_event.headers.get("If-None-Match")):
            return Response(HTTPStatus.NOT_MODIFIED, body="", headers=headers)
        return Response(HTTPStatus.OK, content_type="application/json", body=body, headers=headers)

    @app.get("/v1/docs", include_in_schema=False)
    def read_docs() -> Response[str]:
        swagger = files("aws_lambda_powertools.event_handler.openapi") / "swagger_ui"
        page = generate_swagger_html(
            dump_document(find_base()).replace("</", "<\\/"),
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
