"""Hot reload for development: redeploy to a local engine when the code changes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra import local_stack
from infra.deployment import packaging, template
from infra.errors import SetupError

EVERY_SECONDS = 0.5
#: Name, modification time and size of each file of a deployment.
Fingerprint = frozenset[tuple[str, int, int]]


def follow_changes(
    state_dir: Path, engine: str, report: local_stack.Report, source: Path = packaging.SOURCE_ROOT
) -> None:
    """Deploy the stack again after each change, until interrupted. After an error, report it and wait for a change."""
    for _ in watch_changes(lambda: take_fingerprint(source)):
        started = time.monotonic()
        try:
            local_stack.up(state_dir, engine, source=source)
        except SetupError as error:
            report(str(error))
        else:
            report(f"redeployed in {time.monotonic() - started:.1f} s")


def watch_changes(
    look: Callable[[], object], pause: Callable[[], None] = lambda: time.sleep(EVERY_SECONDS)
) -> Iterator[None]:
    """Yield each time ``look`` returns another value than before."""
    seen = look()
    while True:
        pause()
        now = look()
        if now != seen:
            seen = now
            yield


def take_fingerprint(source: Path) -> Fingerprint:
    """Return a value that changes whenever the code, the web page or the template changes."""
    files = {path for name in packaging.FUNCTION_PACKAGES for path in packaging.find_own_code(name, source).values()}
    page = {path for _, path in packaging.walk_files(source / "web")}
    return frozenset(_facts(path) for path in (*files, *page, template.TEMPLATE))


def _facts(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:  # an editor is replacing it
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
