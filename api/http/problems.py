"""Errors as problem documents (RFC 9457)."""

import json
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.http.schemas import ProblemView, dump
from shared.errors import FieldError, InvalidRequest, SafelightError
from shared.pipeline.operations import NAMES

_OPERATION_NAMES = frozenset(NAMES)
CONTENT_TYPE = "application/problem+json"


def problem_response(error: SafelightError, *, instance: str, request_id: str) -> Response[str]:
    """Return the problem document for an error, without the error's ``__cause__``."""
    view = ProblemView.of(error, instance=instance, request_id=request_id)
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


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Return the invalid fields, each with a JSON pointer and pydantic's message, without the submitted value."""
    return tuple(
        FieldError(json_pointer(each["loc"]), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )


def json_pointer(location: tuple[int | str, ...]) -> str:
    """Return the JSON pointer (RFC 6901) for pydantic's location of an error in the request.

    Leaves out what pydantic adds: the name of an operation after its index, the list index 0 after ``output``, and the
    type after ``facts``.
    """
    names = [
        name
        for before, name in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and name in _OPERATION_NAMES)
        and not (before == "output" and name == 0)
        and not (before == "facts" and name in {"object", "switch"})
    ]
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
