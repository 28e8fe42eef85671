"""Hot reload for development: redeploy to a local engine when the code changes, and show errors of the functions."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from infra import code_check, local_stack, open_jobs
from infra.deployment import packaging, template
from infra.errors import SetupError
from infra.function_errors import FunctionErrors

EVERY_SECONDS = 0.5
#: Name, modification time and size of each file of a deployment.
Fingerprint = frozenset[tuple[str, int, int]]


def follow_changes(
    state_dir: Path, engine: str, report: local_stack.Report, source: Path = packaging.SOURCE_ROOT
) -> None:
    """Deploy the stack again after each change, until interrupted.

    Code that can't be imported is reported and not deployed. After a deployment, workers look at all open jobs at once.
    Errors in the logs of the functions are reported as they appear.
    """
    stack = local_stack.read_current_stack(state_dir)
    errors = FunctionErrors(stack) if stack else None

    def pause() -> None:
        time.sleep(EVERY_SECONDS)
        with suppress(SetupError):  # the next deployment reports that the engine has stopped
            for text in errors.read() if errors else ():
                report(text)

    for before, now in watch_changes(lambda: take_fingerprint(source), pause):
        deploy_changes(state_dir, engine, report, source, [Path(name) for name in list_changed(before, now)])


def deploy_changes(state_dir: Path, engine: str, report: local_stack.Report, source: Path, changed: list[Path]) -> None:
    """Check the code and deploy it. Report how long that took, or what is wrong."""
    started = time.monotonic()
    problem = code_check.find_problem(source, changed)
    if problem:
        report(f"Not deployed, because the code can't be imported:\n{problem}")
        return
    try:
        stack = local_stack.up(state_dir, engine, source=source)
        count = open_jobs.notify_workers(stack)
    except SetupError as error:
        report(str(error))
        return
    waiting = f"; workers look at {count} open job{'s' if count != 1 else ''} now" if count else ""
    report(f"redeployed in {time.monotonic() - started:.1f} s{waiting}")


def watch_changes(
    look: Callable[[], Fingerprint], pause: Callable[[], None] = lambda: time.sleep(EVERY_SECONDS)
) -> Iterator[tuple[Fingerprint, Fingerprint]]:
    """Yield the values before and now, each time ``look`` returns another value than before."""
    seen = look()
    while True:
        pause()
        now = look()
        if now != seen:
            before, seen = seen, now
            yield before, now


def list_changed(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Return the names of new and changed files."""
    return sorted(name for name, modified, _ in now - before if modified)


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
