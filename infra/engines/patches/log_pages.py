"""Pages of log lines. MiniStack answers FilterLogEvents with the oldest 10,000 lines, and the rest can't be read."""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import json
from typing import Any, Final

#: The most lines that MiniStack and CloudWatch Logs return in one answer.
MAX_LINES: Final = 10_000


def install(logs: Any) -> None:
    """Patch ``ministack.services.cloudwatch_logs``: a full answer has a ``nextToken``, as the answers of AWS do."""
    read = logs._filter_log_events

    def filter_events(request: dict[str, Any]) -> Any:
        limit = min(request.get("limit", MAX_LINES), MAX_LINES)
        first, skipped = request.get("startTime"), 0
        if request.get("nextToken"):
            try:
                first, skipped = map(int, request["nextToken"].split("/"))
            except ValueError:
                return logs.error_response_json("InvalidParameterException", "The nextToken is not valid.", 400)
        answer = read({**request, "startTime": first, "limit": MAX_LINES})
        if answer[0] != 200:
            return answer
        found = json.loads(answer[2])["events"]
        page = found[skipped : skipped + limit]
        content: dict[str, Any] = {"events": page, "searchedLogStreams": []}
        if page and (len(found) > skipped + limit or len(found) == MAX_LINES):
            content["nextToken"] = _make_token(first, skipped, page)
        return logs.json_response(content)

    logs._filter_log_events = filter_events


def _make_token(first: int | None, skipped: int, page: list[dict[str, Any]]) -> str:
    """Return the time of the last line of a page, and how many lines of that time have been returned so far."""
    last = page[-1]["timestamp"]
    count = sum(1 for event in page if event["timestamp"] == last)
    return f"{last}/{count + (skipped if last == first else 0)}"
