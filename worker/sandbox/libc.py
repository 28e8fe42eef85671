"""System calls that Python has no function for."""

import ctypes
import os
import sys
from typing import Final

IS_LINUX: Final = sys.platform == "linux"
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38

_libc: Final = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | None) -> int:
    """Call a function of the C library and return its result. Raises OSError if that is -1.

    Integers are passed as ``long``, so that variadic functions such as ``prctl`` and ``syscall`` read whole registers.
    """
    wrapped = (ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    result = int(getattr(_libc, name)(*wrapped))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def set_process_flag(option: int, value: int) -> None:
    """Call ``prctl`` with one argument. Raises OSError, as on AWS Lambda, which refuses it."""
    call("prctl", option, value, 0, 0, 0)
