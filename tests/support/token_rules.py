"""What the API must answer to a request with an upload token, by its route."""

import re

from api.tokens.access import ROUTES

#: Methods and paths, as in the OpenAPI document, that a token may use.
ALLOWED = frozenset((method, re.sub(r"<(\w+)>", r"{\1}", path)) for method, path in ROUTES)


def find_breach(method: str, path: str, status: int, code: object) -> str | None:
    """Return what is wrong with a response to a request with a valid token, or None."""
    if (method, path) in ALLOWED or (status, code) == (403, "TOKEN_FORBIDDEN"):
        return None
    return f"{method} {path} got {status} {code} with an upload token"
