"""The embedded engine: MiniStack as a background process that listens on loopback only.

The engine writes its state below the state directory after a deployment, every few seconds while something changes, and
when it stops. If the engine is killed, the objects in its buckets are kept, and everything else returns to the last
snapshot.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.engines import launch, processes
from infra.engines.record import EnginePaths, EngineRecord
from infra.errors import SetupError

#: Time for the engine to write its state before it is killed.
STOP_SECONDS = 20
#: How many ports to try. Another process may take a free port before the engine binds it.
ATTEMPTS = 5


def start(state_dir: Path, extra: Mapping[str, str] | None = None) -> str:
    """Start the engine unless it is already running with these settings. Return the engine's URL.

    ``extra`` is added to the engine's environment. Raises SetupError if the engine does not start.
    """
    paths = EnginePaths.below(state_dir)
    settings = dict(extra or {})
    last = EngineRecord.read(paths.record)
    if last and is_running_with(state_dir, settings):
        return last.url
    stop(state_dir)  # an engine that hangs, too: two engines would destroy the state that they share
    launch.make_folders(paths)
    ports = [last.port] if last and launch.is_free(last.port) else []
    for _ in range(ATTEMPTS):
        port = ports.pop() if ports else launch.find_free_port()
        if last and last.port != port:
            launch.rewrite_port(paths.data / "state", last.port, port)
        last = EngineRecord(port)
        last.save(paths.record)
        record = launch.try_port(paths, port, settings)
        if record:
            record.save(paths.record)
            return record.url
    raise SetupError(f"The embedded engine found no free port in {ATTEMPTS} attempts; see {paths.log}.")


def read_port(state_dir: Path) -> int | None:
    """Return the port of the engine of this state directory, or None if there was no engine."""
    record = EngineRecord.read(EnginePaths.below(state_dir).record)
    return record.port if record else None


def remember_port(state_dir: Path, port: int) -> None:
    """Let the next engine of this state directory use a port, if it is free then."""
    paths = EnginePaths.below(state_dir)
    launch.make_folders(paths)
    EngineRecord(port=port).save(paths.record)


def is_running(state_dir: Path) -> bool:
    """Return True if the engine of this state directory is running and healthy."""
    record = EngineRecord.read(EnginePaths.below(state_dir).record)
    if record is None:
        return False
    process = processes.find_process(record.pid, record.created)
    return process is not None and processes.is_listening(process, record.port) and launch.is_healthy(record.url)


def is_running_with(state_dir: Path, extra: Mapping[str, str] | None = None) -> bool:
    """Return True if the engine is running and healthy, and ``extra`` was added to its environment."""
    record = EngineRecord.read(EnginePaths.below(state_dir).record)
    return record is not None and record.environment == dict(extra or {}) and is_running(state_dir)


def stop(state_dir: Path, *, keeps_data: bool = True) -> bool:
    """Stop the engine and its functions. Return True if the engine was running.

    If ``keeps_data`` is false, the engine does not write its state first, which takes seconds on a busy machine.
    """
    paths = EnginePaths.below(state_dir)
    record = EngineRecord.read(paths.record)
    process = processes.find_process(record.pid, record.created) if record else None
    if record is None or process is None:
        return False
    family = processes.list_family(process)
    if keeps_data:
        # Stop the engine first, because it writes its state while its functions can still respond.
        processes.end_processes([process], grace_seconds=STOP_SECONDS)
        processes.end_processes((member for member in family if member.is_running()), grace_seconds=2)
    else:
        processes.kill_processes([process, *family], seconds=STOP_SECONDS)
    EngineRecord(port=record.port).save(paths.record)
    shutil.rmtree(paths.scratch, ignore_errors=True)
    return True


def save(state_dir: Path) -> None:
    """Write the engine's state now. Raises SetupError if that fails."""
    record = EngineRecord.read(EnginePaths.below(state_dir).record)
    if record is not None:
        launch.take_snapshot(record.url)


def shut_down(state_dir: Path, _stack_name: str, wiped: bool) -> str:
    """Stop the engine, and delete its data if ``wiped`` is true.

    Returns a sentence that says what was done, or an empty string if the engine was not running.
    """
    stopped = stop(state_dir, keeps_data=not wiped)
    if wiped:
        delete_data(state_dir)
    return f"The embedded engine is stopped; its data is {'removed' if wiped else 'kept'}." if stopped else ""


def count_log_errors(state_dir: Path) -> int:
    """Return the number of errors in the engine's log."""
    log = EnginePaths.below(state_dir).log
    return log.read_text(encoding="utf-8", errors="replace").count(" ERROR ") if log.is_file() else 0


def delete_data(state_dir: Path) -> None:
    """Delete the engine's data and log. The engine must not be running."""
    paths = EnginePaths.below(state_dir)
    shutil.rmtree(paths.data, ignore_errors=True)
    shutil.rmtree(paths.scratch, ignore_errors=True)
    for path in (paths.record, paths.log):
        path.unlink(missing_ok=True)
