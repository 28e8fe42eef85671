"""How glibc keeps the memory of a process that has many threads."""

import ctypes
import sys
from typing import Final

#: malloc.h of glibc.
_M_ARENA_MAX: Final = -8


def share_one() -> bool:
    """Let all threads take their memory from one arena; call it before any other thread begins.

    Each would get one of its own, up to eight a processor, and what was freed in one serves no other: with the same
    live data a long ingest then takes a quarter more than a short one (``benchmarks/ingest.py``). Threads that wait
    for a network most of the time lose nothing by sharing. Tells whether it was done; other C libraries have no arenas,
    or no such setting.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, 1) == 1
