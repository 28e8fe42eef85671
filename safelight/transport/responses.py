"""Reading answers: problem documents become ApiError, JSON becomes a model."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from safelight.errors import ApiError, Pointer, UnexpectedAnswer

_Model = TypeVar("_Model", bound=BaseModel)

_RETRIABLE = frozenset({429, 502, 503, 504})


def check(response: httpx.Response) -> None:
    """Let a success pass. Raises ApiError for 4xx and 5xx, UnexpectedAnswer for the rest."""
    if response.is_error:
        raise _api_error(response)
    if not response.is_success:
        where = response.headers.get("Location", "somewhere that it does not name")
        raise UnexpectedAnswer(f"{_address(response)} sends its callers on to {where}; is the address right?")


def read(response: httpx.Response, model: type[_Model]) -> _Model:
    """Read a success as ``model``. Raises UnexpectedAnswer for whatever does not fit it."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{_address(response)} did not answer as Safelight does; is the address right?"
        ) from error


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Read ``Retry-After``, in seconds or as a date; None where there is none that makes sense."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _api_error(response: httpx.Response) -> ApiError:
    problem = _problem(response)
    status = response.status_code
    # A gateway that refuses by itself says {"message": …}.
    detail = problem.get("detail") or problem.get("message") or problem.get("title") or response.reason_phrase
    return ApiError(
        str(detail or f"The API answered with status {status}."),
        code=str(problem.get("code") or f"HTTP_{status}"),
        status=status,
        title=str(problem.get("title") or ""),
        retriable=bool(problem.get("retriable", status in _RETRIABLE)),
        request_id=problem.get("request_id") or response.headers.get("x-amzn-requestid"),
        pointers=_pointers(problem.get("errors")),
        retry_after_seconds=retry_after_seconds(response),
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _pointers(errors: object) -> tuple[Pointer, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        Pointer(pointer=str(each.get("pointer", "")), detail=str(each.get("detail", "")))
        for each in errors
        if isinstance(each, dict)
    )


def _address(response: httpx.Response) -> str:
    """Name who answered, without path and query: a link's query is a credential."""
    url = response.url
    return f"{url.scheme}://{url.netloc.decode()}"
