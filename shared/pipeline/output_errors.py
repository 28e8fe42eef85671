"""Errors of one output of a job with several outputs. Such an error fails the whole job, so its message names it."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import ImageError


@contextmanager
def name_output(name: str, *, is_only: bool) -> Iterator[None]:
    """Name an output in the message of an ImageError that is raised in the context, unless it is the only output."""
    try:
        yield
    except ImageError as error:
        if is_only:
            raise
        raise type(error)(f"Output {name}: {error.detail}") from error
