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
    """Return the response to an error. It reveals nothing about the error's cause."""
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
    """Return the error for invalid parameters. Powertools' locations start with the kind of the parameter."""
    details: Sequence[dict[str, Any]] = error.errors()
    return InvalidRequest(
        errors=tuple(FieldError("/" + "/".join(map(str, each["loc"][1:])), each["msg"]) for each in details),
    )


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Return the invalid fields: pointers into the request, and pydantic's messages without the submitted values."""
    return tuple(
        FieldError(json_pointer(each["loc"]), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )


def json_pointer(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer (RFC 6901) into the request.

    Omits what pydantic adds to a location: the name of the union member, and the list around a single ``output``.
    """
    names = [
        name
        for before, name in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and name in _OPERATION_NAMES) and not (before == "output" and name == 0)
    ]
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
