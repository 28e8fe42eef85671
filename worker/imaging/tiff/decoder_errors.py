"""Errors that libtiff reports and Pillow does not pass on: damaged lines of fax compression.

libtiff continues after a damaged line, and Pillow returns the image as if it were intact.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import _imaging

#: ``TIFFErrorHandlerExt``. The last argument is a ``va_list``, which is passed as a pointer and not read.
_HANDLER_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_MODULES = b"Fax"
_errors = 0


@cache
def watch_errors() -> Callable[..., Any] | None:
    """Make libtiff report its errors here instead of on standard error.

    Return the handler, or None if this Pillow does not say where its libtiff is. Call this before the process is
    confined, because the handler needs executable memory.
    """

    def count(_data: int, module: bytes | None, _text: bytes, _values: int) -> None:
        global _errors  # noqa: PLW0603 - the callback has no other place for its result
        _errors += (module or b"").startswith(_MODULES)

    handler = _HANDLER_TYPE(count)
    try:
        set_handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandlerExt
    except (OSError, AttributeError):
        return None
    set_handler.argtypes, set_handler.restype = [_HANDLER_TYPE], ctypes.c_void_p
    set_handler(handler)
    return handler


@contextmanager
def count_fax_errors() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the number of damaged fax lines in this context."""
    watch_errors()
    before = _errors
    yield lambda: _errors - before
