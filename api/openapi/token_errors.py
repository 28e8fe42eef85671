"""The errors of upload tokens in the OpenAPI document, for each route that a token may use."""

from collections.abc import Mapping
from typing import Any, Final

from api.http.documented import make_example
from api.http.problems import CONTENT_TYPE
from api.tokens.access import ROUTES
from shared.errors import (
    SafelightError,
    TokenExpired,
    TokenForbidden,
    TokenInvalid,
    TokenOrigin,
    TokenRevoked,
    TokenUsedUp,
    TooManyRequests,
)

_ALWAYS: Final = (TokenInvalid, TokenExpired, TokenRevoked, TokenForbidden, TokenOrigin, TooManyRequests)
#: The routes that create jobs.
_CREATING: Final = frozenset({"/v1/jobs", "/v1/uploads", "/v1/uploads/sign"})


def add_token_errors(paths: Mapping[str, Any]) -> None:
    """Add the errors to the responses in the paths of a document."""
    for method, route in sorted(ROUTES):
        responses = paths[route.replace("<", "{").replace(">", "}")][method.lower()]["responses"]
        for error in (*_ALWAYS, *((TokenUsedUp,) if route in _CREATING else ())):
            _add(responses, error)


def _add(responses: dict[str, Any], error: type[SafelightError]) -> None:
    schema = {"$ref": "#/components/schemas/ProblemView"}
    empty = {"description": "", "content": {CONTENT_TYPE: {"schema": schema, "examples": {}}}}
    response = responses.setdefault(str(error.status), empty)
    response["description"] = f"{response['description']} `{error.code}`: {error.title}".strip()
    response["content"][CONTENT_TYPE]["examples"][error.code] = {"summary": error.title, "value": make_example(error)}
