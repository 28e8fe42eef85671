"""docs/api.md lists the routes of the OpenAPI document and nothing else."""

import re
from pathlib import Path

import pytest
from support import api_page

import api.app
from api.openapi.document import document

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_route_tables_match_the_openapi_document(request: pytest.FixtureRequest) -> None:
    """The generated part of the page is current."""
    generated = api_page.routes(document(api.app.app, "https://api.example.com/prod"))
    if request.config.getoption("--write-docs"):
        PAGE.write_text(api_page.GENERATED.sub(lambda _: generated, PAGE.read_text("utf-8")), "utf-8")
    assert generated in PAGE.read_text("utf-8"), "run pytest tests/structure/test_api_page.py --write-docs"


def test_every_route_is_on_the_page() -> None:
    """Routes that are not in the OpenAPI document are named too."""
    page = PAGE.read_text("utf-8")
    for route in [*api.app.app._static_routes, *api.app.app._dynamic_routes]:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        assert f"| {route.method} | `{path}` |" in page or f"`{route.method} {path}`" in page, f"{route.method} {path}"
