"""The environment block that the kernel gave this process, which others can read in ``/proc``.

Python has a copy. So the block is not needed after the start, but it stays readable until the process ends.
"""

import ctypes
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
#: Positions of ``env_start`` and ``env_end`` in ``/proc/self/stat``, behind the name of the program. See ``proc(5)``.
_START, _END = 47, 48


def wipe_variables(names: Collection[str] = CREDENTIALS) -> None:
    """Overwrite the values of these variables in the block. Python keeps them. Does nothing except on Linux."""
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
    start, end = int(fields[_START]), int(fields[_END])
    wiped = {name.encode() for name in names}
    position = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name in wiped:
            # Zeros would end the block for readers such as psutil.
            ctypes.memset(position + len(name) + 1, ord("x"), len(value))
        position += len(entry) + 1
