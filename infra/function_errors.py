"""Errors in the logs of the functions of a local stack, for the terminal of `safelight up --watch`."""

import json
import re
from collections.abc import Iterator

from infra.log_reader import read_logs
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
        self._readers = read_logs(stack, stack.functions)
        for reader in self._readers.values():
            reader.read_new()

    def read(self) -> Iterator[str]:
        """Yield a text for each error since the last call: the role of the function, the message and the traceback.

        Raises SetupError if the engine does not answer.
        """
        for role, reader in self._readers.items():
            for event in reader.read_new():
                text = describe_error(event["message"])
                if text:
                    yield f"{role}: {text}"


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
