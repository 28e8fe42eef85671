"""Every log line can be read on the embedded engine, however many there are."""

import importlib
import json
from typing import Any

import pytest

from infra.engines.patches import log_pages

logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")
GROUP = "/aws/lambda/pages"


@pytest.fixture(autouse=True)
def _patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_filter_log_events", logs._filter_log_events)
    monkeypatch.setattr(logs, "_log_groups", {})
    log_pages.install(logs)


def write_lines(times: dict[str, list[int]]) -> list[str]:
    """Write a line at each time of each stream. Return the lines by time."""
    logs._create_log_group({"logGroupName": GROUP})
    written: list[tuple[int, str]] = []
    for stream, moments in times.items():
        logs._create_log_stream({"logGroupName": GROUP, "logStreamName": stream})
        lines = [(moment, f"{stream} {number}") for number, moment in enumerate(moments)]
        events = [{"timestamp": time, "message": text, "ingestionTime": time} for time, text in lines]
        logs._log_groups[GROUP]["streams"][stream]["events"] += events
        written += lines
    return [message for _, message in sorted(written, key=lambda line: line[0])]


def read_pages(**request: Any) -> list[list[str]]:
    """Return the lines of each page."""
    pages, token = [], None
    while True:
        answer = logs._filter_log_events({"logGroupName": GROUP, **request, **({"nextToken": token} if token else {})})
        assert answer[0] == 200
        content = json.loads(answer[2])
        pages.append([event["message"] for event in content["events"]])
        token = content.get("nextToken")
        if not token:
            return pages


def test_all_of_many_lines_are_read() -> None:
    """In pages of at most 10,000, each line once and in order, also where lines of one time are on two pages."""
    lines = write_lines(
        {"a": [number // 7 for number in range(14_000)], "b": [number // 3 for number in range(11_000)]}
    )
    pages = read_pages()
    assert [message for page in pages for message in page] == lines
    assert max(map(len, pages)) <= log_pages.MAX_LINES


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_as_small_as_asked_for(limit: int) -> None:
    """A limit, a start and an end hold on all pages."""
    write_lines({"a": [5, 5, 5, 6, 7, 8], "b": [4, 5, 7, 9]})
    pages = read_pages(limit=limit, startTime=5, endTime=8)
    assert [message for page in pages for message in page] == ["a 0", "a 1", "a 2", "b 1", "a 3", "a 4", "b 2", "a 5"]
    assert max(map(len, pages)) <= limit


def test_exactly_one_full_page_is_no_endless_list() -> None:
    """10,000 lines of one time are the most that can be read: more would repeat."""
    lines = write_lines({"a": [1] * log_pages.MAX_LINES})
    assert [message for page in read_pages() for message in page] == lines


def test_bad_requests_are_refused() -> None:
    """An unknown group, and a token of someone else."""
    assert logs._filter_log_events({"logGroupName": "/none"})[0] == 400
    write_lines({"a": [1]})
    answer = logs._filter_log_events({"logGroupName": GROUP, "nextToken": "next"})
    assert answer[0] == 400
    assert b"InvalidParameterException" in bytes(answer[2])
