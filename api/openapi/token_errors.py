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
)

_ALWAYS: Final = (TokenInvalid, TokenExpired, TokenRevoked, TokenForbidden, TokenOrigin)
#: The routes that create jobs.
_CREATING: Final = frozenset({"/v1/jobs", "/v1/uploads", "/v1/uploads/sign"})
#: Paths and methods of the operations that a token may use.
TOKEN_OPERATIONS: Final = frozenset(
    (route.replace("<", "{").replace(">", "}"), method.lower()) for method, route in ROUTES
)


def add_token_errors(paths: Mapping[str, Any]) -> None:
    """Add the errors to the responses in the paths of a document."""
    for path, method in sorted(TOKEN_OPERATIONS):
        responses = paths[path][method]["responses"]
        for error in (*_ALWAYS, *((TokenUsedUp,) if path in _CREATING else ())):
            _add(responses, error)


def _add(responses: dict[str, Any], error: type[SafelightError]) -> None:
    schema = {"$ref": "#/components/schemas/ProblemView"}
    empty = {"description": "", "content": {CONTENT_TYPE: {"schema": schema, "examples": {}}}}
    response = responses.setdefault(str(error.status), empty)
    response["description"] = f"{response['description']} `{error.code}`: {error.title}".strip()
    response["content"][CONTENT_TYPE]["examples"][error.code] = {"summary": error.title, "value": make_example(error)}
