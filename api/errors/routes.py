"""``/v1/errors``: what each error means and what to do. The ``type`` of a problem document is such a URL.

``descriptions.json`` has the rows of docs/errors.md, which ``pytest tests/structure --write-docs`` copies. A browser
gets a page, and any other client JSON. The descriptions contain no data of the stack, so they can be read without a
token under ``/token``.
"""

import difflib
import json
import re
from functools import cache
from html import escape
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import get_dependencies
from api.http.responses import json_response
from shared.errors import RouteNotFound

router = Router()

_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}code{font-size:.95em}"
)


@router.get("/v1/errors", include_in_schema=False)
def list_errors() -> Response[Any]:
    """Return what each error means."""
    base = _find_base()
    errors = [_describe(code, base) for code in _read_descriptions()]
    if not _wants_page():
        return json_response({"errors": errors})
    rows = "".join(
        f'<dt><a href="{escape(each["type"])}">{escape(each["code"])}</a></dt><dd>{_mark_up(each["title"])}</dd>'
        for each in errors
    )
    return _page("Errors", f"<dl>{rows}</dl>")


@router.get("/v1/errors/<code>", include_in_schema=False)
def read_error(code: str) -> Response[Any]:
    """Return what an error means and what to do. Raises RouteNotFound if there is no error with this code."""
    known = _read_descriptions()
    if code not in known:
        nearest = difflib.get_close_matches(code[:80].upper(), known, n=1)
        hint = f" Did you mean {nearest[0]}?" if nearest else ""
        raise RouteNotFound(f"There is no error with this code.{hint} GET /v1/errors lists all codes.")
    error = _describe(code, _find_base())
    if not _wants_page():
        return json_response(error)
    retry = "Yes. The same request may succeed later." if error["retriable"] else "No. Change the request first."
    facts = {"What to do": error["what_to_do"], "HTTP status": str(error["status"]), "Retry": retry}
    rows = "".join(f"<dt>{name}</dt><dd>{_mark_up(text)}</dd>" for name, text in facts.items())
    link = f'<p><a href="{escape(error["links"]["errors"])}">All errors</a></p>'
    return _page(code, f"<p>{_mark_up(error['title'])}</p><dl>{rows}</dl>{link}")


@cache
def _read_descriptions() -> dict[str, dict[str, Any]]:
    """Return ``status``, ``retriable``, ``title`` and ``what_to_do`` of each error, by its code."""
    found: dict[str, dict[str, Any]] = json.loads((files("api.errors") / "descriptions.json").read_text("utf-8"))
    return found


def _describe(code: str, base: str) -> dict[str, Any]:
    return {
        "type": f"{base}/v1/errors/{code}",
        "code": code,
        **_read_descriptions()[code],
        "links": {"errors": f"{base}/v1/errors"},
    }


def _find_base() -> str:
    return get_dependencies().links_for(router.current_event).base


def _wants_page() -> bool:
    return "text/html" in (router.current_event.headers.get("accept") or "")


def _mark_up(text: str) -> str:
    """Return the HTML of a text with code between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _page(title: str, body: str) -> Response[Any]:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)} – Safelight</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    headers: dict[str, str | list[str]] = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _PAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept",
    }
    return Response(HTTPStatus.OK, content_type="text/html; charset=utf-8", body=page, headers=headers)
