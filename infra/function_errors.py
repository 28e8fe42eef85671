"""Errors in the logs of the functions of a local stack, for the terminal of `safelight up --watch`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.sessions import local_session, translate_aws_errors
from infra.stack import Stack

#: The folder of a function's code in a traceback. Without it, paths are those of the checkout.
_CODE_FOLDER = re.compile(r'"[^"]*/(?:code|var/task)/')
_LEVELS = frozenset({"ERROR", "CRITICAL"})
#: What lines of text contain that an engine writes about an invocation that has failed.
_MARKS = ("Traceback (most recent call last)", "Task timed out", "[ERROR]")


class FunctionErrors:
    """Reads new errors from the logs of all functions."""

    def __init__(self, stack: Stack) -> None:
        """Skip the lines that exist now."""
        self._functions = stack.functions
        self._logs: Any = local_session(stack.endpoint_url).client("logs")
        self._seen: dict[str, set[str]] = {role: set() for role in stack.functions}
        self._since: dict[str, int] = dict.fromkeys(stack.functions, 0)
        for role in stack.functions:
            self._read_new(role)

    def read(self) -> Iterator[str]:
        """Yield a text for each error since the last call: the role of the function, the message and the traceback.

        Raises SetupError if the engine does not answer.
        """
        for role in self._functions:
            for line in self._read_new(role):
                text = describe_error(line)
                if text:
                    yield f"{role}: {text}"

    def _read_new(self, role: str) -> list[str]:
        """Return the lines of a function that were not returned before. The log of a function appears with its use."""
        group, since = f"/aws/lambda/{self._functions[role]}", self._since[role]
        with translate_aws_errors():
            events = self._read_events(group, since)
        seen = self._seen[role]
        new = [event for event in events if _identify(event) not in seen]
        if new:
            # Lines of the last millisecond are read again, because others of it may follow.
            self._since[role] = max(event["timestamp"] for event in events)
            self._seen[role] = {_identify(event) for event in events if event["timestamp"] == self._since[role]}
        return [event["message"] for event in new]

    def _read_events(self, group: str, since: int) -> list[Any]:
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            return [event for page in pages for event in page["events"]]
        except self._logs.exceptions.ResourceNotFoundException:
            return []


def _identify(event: Mapping[str, Any]) -> str:
    """Return what distinguishes a line from others. Not every engine numbers its lines."""
    return event.get("eventId") or f"{event['logStreamName']} {event['timestamp']} {event['message']}"


def describe_error(line: str) -> str:
    """Return message and traceback of a log line that reports an error, or an empty string for other lines."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return line.strip() if any(mark in line for mark in _MARKS) else ""
    if fields.get("level") not in _LEVELS:
        return ""
    job = f" (job {fields['job_id']})" if fields.get("job_id") else ""
    trace = _CODE_FOLDER.sub('"', str(fields.get("exception") or ""))
    return f"{fields.get('message', '')}{job}\n{trace}".strip()
