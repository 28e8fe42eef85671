"""A schemathesis check for requests with an upload token: it can do nothing but what it says.

The schemathesis command of e2e/test_conformance.py loads it, with the hook for images.
"""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from support import conformance_hooks  # noqa: F401 - registers its hook
from support.token_rules import find_breach


@schemathesis.check
def only_what_the_token_says(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:  # noqa: ARG001
    """Fail if a route that no token may use gets another response than 403 with a code."""
    if breach := find_breach(case.method, case.operation.path, response.status_code, response.json().get("code")):
        raise AssertionError(breach)
    return None
