"""Errors as problem documents (RFC 9457)."""

import json
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from api.http.schemas import ProblemView, dump
from shared.errors import FieldError, InvalidRequest, SafelightError

CONTENT_TYPE = "application/problem+json"


def problem_response(error: SafelightError, *, instance: str, request_id: str, base: str) -> Response[str]:
    """Return the problem document for an error, without the error's ``__cause__``.

    ``base`` is the URL of the API, without a trailing slash. ``type`` leads to the description of the error there.
    """
    view = ProblemView.of(error, instance=instance, request_id=request_id, base=base)
    headers: dict[str, str | list[str]] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    elif error.retriable and error.status == 503:
        headers["Retry-After"] = "1"
    return Response(
        status_code=error.status,
        content_type=CONTENT_TYPE,
        body=json.dumps(dump(view)),
        headers=headers,
    )


def translate_validation_error(error: RequestValidationError) -> InvalidRequest:
    """Return InvalidRequest for parameters that Powertools rejected.

    The first part of a location is the type of the parameter, such as ``query``, and is left out.
    """
    details: Sequence[dict[str, Any]] = error.errors()
    return InvalidRequest(
        errors=tuple(FieldError("/" + "/".join(map(str, each["loc"][1:])), each["msg"]) for each in details),
    )
