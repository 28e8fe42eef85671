"""Sandboxes that tests use: the real child with limits of their own, and children that misbehave."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from worker.imaging import Limits
from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox
from worker.sandbox.process import PROGRAM

LIMITS = Limits(max_bytes=25 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUDGET = Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=20)

FRAME = """
import os, signal, struct, sys, time
def frame(header, *parts):
    os.write(1, struct.pack(">I", len(header)) + header + b"".join(parts))
"""
#: The beginning of a child that says that it is ready; what follows is its answer to anything.
READY = FRAME + "frame(b'{\"confined\":[]}')\n"


@contextmanager
def sandbox(
    budget: Budget = BUDGET,
    *,
    children: int = 1,
    script: str | None = None,
    environment: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[Sandbox]:
    """Lend a sandbox of real children, or of children that run ``script``. ``options`` are those of ``Sandbox``."""
    program = PROGRAM if script is None else ("-c", script)
    made = Sandbox(budget, children=children, environment=environment or {}, program=program, **options)
    try:
        yield made
    finally:
        made.close()


def process_ids() -> set[int]:
    """Return the processes that this process has started and that still exist."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            found.update(map(int, file.read_text("ascii").split()))
    return found


def packed(header: bytes) -> bytes:
    """Return a frame as a child writes it."""
    return struct.pack(">I", len(header)) + header
