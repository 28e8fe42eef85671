"""Access with an upload token: which requests a token may make.

Under ``/token``, the gateway checks no credentials, so this module decides. Everything that ``ROUTES`` does not list is
refused, also routes that are added later. A job of another token is not found, like a job of another owner.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent

from api.dependencies import Dependencies
from api.http.gateway_event import GRANT, IS_OPEN
from api.jobs.lifecycle import require_granted
from shared.errors import TokenForbidden, TokenInvalid, TokenOrigin
from shared.jobs.upload_token import PREFIX, UploadToken, parse_token

#: The routes that a token may use, as they are declared.
ROUTES: Final = frozenset(
    {
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/<job_id>"),
        ("GET", "/v1/jobs/<job_id>/result"),
        ("GET", "/v1/jobs/<job_id>/outputs/<name>"),
        ("POST", "/v1/uploads"),
        ("POST", "/v1/uploads/<job_id>/form"),
        ("POST", "/v1/uploads/<job_id>/confirm"),
        ("POST", "/v1/uploads/sign"),
        ("GET", "/v1/uploads/<job_id>/parts"),
        ("POST", "/v1/uploads/<job_id>/parts"),
        ("POST", "/v1/uploads/<job_id>/complete"),
        ("POST", "/v1/uploads/<job_id>/abort"),
    }
)
#: The descriptions of errors, which anyone can read under ``/token``, also without a token.
_PUBLIC: Final = re.compile(r"/v1/errors(/[^/]+)?")
_SCHEME: Final = "bearer "
#: Methods without effect. Browsers send them without ``Origin`` to the origin of the page itself.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


class Route(Protocol):
    """A route as Powertools stores it."""

    method: str
    path: str
    #: A compiled pattern.
    rule: Any


def authenticate(event: dict[str, Any], dependencies: Dependencies) -> None:
    """Verify the upload token of a request, if it has one, and add it to the event, which is a normalized one.

    A request that arrives under ``/token`` must have a token, unless it reads a description of an error. Anywhere else,
    a token is optional, and a request that has one can do no more than the token allows. Raises TokenInvalid.
    """
    if _is_public(event):
        return
    text = _find_token(event)
    if text is None:
        if event[IS_OPEN]:
            raise TokenInvalid("Send the token in the header: Authorization: Bearer slt_…")
        return
    parts = parse_token(text)
    token = dependencies.tokens.find(parts[0]) if parts else None
    if parts is None or token is None or not token.has_secret(parts[1]):
        raise TokenInvalid
    event[GRANT] = token


def authorize(event: Mapping[str, Any], routes: Iterable[Route], dependencies: Dependencies) -> None:
    """Check that the token of a request, if it has one, allows the request.

    Raises TokenRevoked or TokenExpired, TokenOrigin if the request comes from a page of another origin, TokenForbidden
    if the route is not allowed, or JobNotFound if the token has not created the job.
    """
    token: UploadToken | None = event[GRANT]
    if token is None:
        return
    if (problem := token.find_problem(dependencies.clock())) is not None:
        raise problem
    _require_origin(event, token)
    method, path = str(event.get("httpMethod")).upper(), event["path"]
    # The same search as that of Powertools, so this is the route that will run.
    route, found = next(
        ((each, match) for each in routes if each.method == method and (match := each.rule.match(path))), (None, None)
    )
    if route is None or (method, route.path) not in ROUTES:
        raise TokenForbidden(f"With an upload token, {method} {path} is not allowed.")
    job_id = found.groupdict().get("job_id") if found else None
    if job_id is not None:
        require_granted(job_id, token, dependencies.jobs)


def allowed_origins(event: Mapping[str, Any], origins: str) -> str:
    """Return the origins whose pages can read the response, separated by commas.

    ``origins`` are those of requests without a token. With a token, its origin counts. Without a valid token, every
    page can read that its token is not valid. A preflight has no token, so every page may ask.
    """
    token: UploadToken | None = event[GRANT]
    if token is not None:
        return token.origin or "*"
    return "*" if event[IS_OPEN] else origins


def _is_public(event: Mapping[str, Any]) -> bool:
    return event.get("httpMethod") == "GET" and _PUBLIC.fullmatch(str(event.get("path"))) is not None


def _find_token(event: Mapping[str, Any]) -> str | None:
    """Return the text of the token, or None if the request has none. Under ``/token``, any credential counts as one."""
    authorization = APIGatewayProxyEvent(dict(event)).headers.get("authorization") or ""
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    text = authorization[len(_SCHEME) :].strip()
    return text if event[IS_OPEN] or text.startswith(PREFIX) else None


def _require_origin(event: Mapping[str, Any], token: UploadToken) -> None:
    if token.origin is None:
        return
    origin = APIGatewayProxyEvent(dict(event)).headers.get("origin")
    if origin is None and str(event.get("httpMethod")).upper() in _SAFE_METHODS:
        return
    if origin != token.origin:
        raise TokenOrigin
