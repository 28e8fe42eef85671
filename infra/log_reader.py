"""Reads the log of a function of a local stack, each line once."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from infra.sessions import local_session, translate_aws_errors
from infra.stack import Stack

#: A line can arrive this much after a line that was written later: each environment of a function has its own stream.
_OVERLAP_MILLISECONDS: Final = 10_000


class LogReader:
    """Reads the new lines of one function."""

    def __init__(self, client: Any, function: str, since: int = 0) -> None:  # noqa: ANN401 - of boto3
        """Read lines of the function with this name since a time in milliseconds since the epoch."""
        self._client = client
        self._group = f"/aws/lambda/{function}"
        self._since = since
        #: The time of each line that was returned and can be read again, by what identifies it.
        self._seen: dict[object, int] = {}

    def read_new(self) -> list[Mapping[str, Any]]:
        """Return the events that were not returned before. The log of a function appears with its first use.

        Raises SetupError if the engine does not answer.
        """
        with translate_aws_errors():
            events = self._read()
        new = []
        counts: Counter[object] = Counter()
        for event in events:
            # Not every engine numbers its lines, and two equal lines can have the same time.
            content = event.get("logStreamName"), event["timestamp"], event["message"]
            counts[content] += 1
            identity = event.get("eventId") or (*content, counts[content])
            if identity not in self._seen:
                self._seen[identity] = event["timestamp"]
                new.append(event)
        self._since = max([self._since, *(event["timestamp"] - _OVERLAP_MILLISECONDS for event in new)])
        self._seen = {identity: time for identity, time in self._seen.items() if time >= self._since}
        return new

    def _read(self) -> list[Mapping[str, Any]]:
        try:
            pages = self._client.get_paginator("filter_log_events").paginate(
                logGroupName=self._group, startTime=self._since
            )
            return [event for page in pages for event in page["events"]]
        except self._client.exceptions.ResourceNotFoundException:
            return []


def read_logs(stack: Stack, roles: Mapping[str, str], since: int = 0) -> dict[str, LogReader]:
    """Return a reader for each function of a stack, by its role. ``roles`` has the names of the functions."""
    client = local_session(stack.endpoint_url).client("logs")
    return {role: LogReader(client, name, since) for role, name in roles.items()}
