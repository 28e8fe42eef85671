"""Set the clock of each process of a function wrong.

Python imports a module of this name at startup. The attack on an ingest adds this folder to the path of the embedded
engine, from which the functions inherit it. The engine's own clock stays right. The file ``CLOCK_ERROR_FILE`` contains
the error in seconds. A process is so much fast or slow, or right.
"""

import datetime as dt
import os
import random
from pathlib import Path
from typing import Any

_Real = dt.datetime


def shift(error: dt.timedelta) -> None:
    """Replace ``datetime.datetime`` with a class whose current time is wrong."""

    class Meta(type):
        """Values that C code has created are instances, too."""

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, _Real)

    class Wrong(_Real, metaclass=Meta):
        """A clock that is wrong."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            """Return the wrong time."""
            return _Real.now(tz) + error

        @classmethod
        def utcnow(cls) -> Any:
            """Return the wrong time without a time zone."""
            return _Real.now(dt.UTC).replace(tzinfo=None) + error

    dt.datetime = Wrong  # type: ignore[misc]


if "CLOCK_ERROR_FILE" in os.environ and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    seconds = int(Path(os.environ["CLOCK_ERROR_FILE"]).read_text(encoding="utf-8"))
    shift(dt.timedelta(seconds=random.choice((-seconds, 0, seconds))))
