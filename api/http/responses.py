"""JSON responses, with conditional requests (``If-None-Match``)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from api.http.etags import matches_any
from api.http.schemas import dump


def json_response(
    view: BaseModel | dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    *,
    if_none_match: str | None = None,
) -> Response[Any]:
    """Return a JSON response that no cache may store, because links expire and statuses change.

    The status becomes 304, without a body, if ``headers`` has an ``ETag`` that ``if_none_match`` names.
    """
    cache = "no-store" if status is HTTPStatus.SEE_OTHER else "no-cache"
    all_headers: dict[str, str | list[str]] = {**(headers or {}), "Cache-Control": cache}
    if "ETag" in all_headers and matches_any(str(all_headers["ETag"]), if_none_match):
        return Response(HTTPStatus.NOT_MODIFIED, body="", headers=all_headers)
    body = dump(view) if isinstance(view, BaseModel) else view
    return Response(status, content_type="application/json", body=body, headers=all_headers)
