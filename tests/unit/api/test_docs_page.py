"""The page that shows the OpenAPI document."""

from types import SimpleNamespace
from typing import cast

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.typing import LambdaContext
from support import events

import api.openapi.routes


def test_the_page_loads_and_tells_nothing_to_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its policy allows its own scripts only, and no frames. The browser must not guess its type."""
    monkeypatch.setattr(api.openapi.routes, "document", lambda *_: {})
    links = SimpleNamespace(links_for=lambda _: SimpleNamespace(base=""))
    monkeypatch.setattr(api.openapi.routes, "get_dependencies", lambda: links)
    app = APIGatewayRestResolver()
    api.openapi.routes.add_documents(app)
    answer = app.resolve(events.http("GET", "/v1/docs"), cast("LambdaContext", events.Context()))
    headers = answer["multiValueHeaders"]
    assert headers["X-Content-Type-Options"] == ["nosniff"]
    (policy,) = headers["Content-Security-Policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'unsafe-inline'",
        "style-src": "'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
