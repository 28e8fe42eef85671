"""JSON responses, with conditional requests (``If-None-Match``)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from api.http.etags import matches_any
from api.http.schemas import LinkView, dump


def json_response(
    view: BaseModel | dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    *,
    if_none_match: str | None = None,
) -> Response[Any]:
    """Return a JSON response. Caches must revalidate it, because links expire and statuses change.

    If ``if_none_match`` matches the ``ETag`` in ``headers``, the response has status 304 and no body.
    """
    cache = "no-store" if status is HTTPStatus.SEE_OTHER else "no-cache"
    all_headers: dict[str, str | list[str]] = {**(headers or {}), "Cache-Control": cache}
    if "ETag" in all_headers and matches_any(str(all_headers["ETag"]), if_none_match):
        return Response(HTTPStatus.NOT_MODIFIED, body="", headers=all_headers)
    body = dump(view) if isinstance(view, BaseModel) else view
    return Response(status, content_type="application/json", body=body, headers=all_headers)


def link_response(view: LinkView, *, redirect: bool) -> Response[Any]:
    """Return a redirect to a link, or the link as JSON."""
    if redirect:
        return json_response(view, HTTPStatus.SEE_OTHER, {"Location": view.url})
    return json_response(view)
