"""What a function prepares before its first event.

While Lambda imports the module of a handler (INIT), a function has more processor time than its memory gives it, and no
caller waits yet if the execution environment is started in advance.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress


def prepare(build: Callable[[], object], environment: Mapping[str, str]) -> None:
    """Call ``build``, a cached function, if Lambda imports the module that is running.

    Elsewhere, such as in tests, do nothing: the first event calls it. If ``build`` fails, the first event calls it
    again and reports the error as it reports all others.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in environment:
        with suppress(Exception):
            build()
