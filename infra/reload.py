"""Redeploys when our code changes: hot reload for development, the same on every local engine."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra import local
from infra.deployment import packaging, template
from infra.faults import SetupFault

EVERY_SECONDS = 0.5
#: Name, time and size of each file that a deployment is made of.
Fingerprint = frozenset[tuple[str, int, int]]


def follow(state_dir: Path, engine: str, report: local.Report, source: Path = packaging.SOURCE) -> None:
    """Bring the stack up again after each change, until interrupted. What goes wrong is reported and waited out."""
    for _ in changes(lambda: fingerprint(source)):
        started = time.monotonic()
        try:
            local.up(state_dir, engine, source=source)
        except SetupFault as fault:
            report(str(fault))
        else:
            report(f"deployed what changed in {time.monotonic() - started:.1f} s")


def changes(
    look: Callable[[], object], pause: Callable[[], None] = lambda: time.sleep(EVERY_SECONDS)
) -> Iterator[None]:
    """Yield once for each look that differs from the one before."""
    seen = look()
    while True:
        pause()
        now = look()
        if now != seen:
            seen = now
            yield


def fingerprint(source: Path) -> Fingerprint:
    """Return what tells one state of the code and the template from another."""
    files = {path for name in packaging.ROOMS for path in packaging.own_code(name, source).values()}
    page = {path for _, path in packaging.walk(source / "web")}
    return frozenset(_facts(path) for path in (*files, *page, template.TEMPLATE))


def _facts(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:  # an editor is just replacing it
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
