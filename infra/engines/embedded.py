"""The embedded engine: MiniStack as a background process of this machine, on loopback alone.

Its state lies under the state directory and is written when it stops in an orderly way. A killed engine
keeps the objects in its buckets but falls back to the last orderly stop in everything else.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.engines import launch, processes
from infra.engines.records import Places, Record
from infra.faults import SetupFault

__all__ = ["VERSION", "Places", "Record", "complaints", "end", "running", "start", "stop", "wipe"]

#: The release that all of this was measured on; requirements/local.txt pins it.
VERSION = "1.5.33"
#: The engine writes its state within this time, or is killed.
STOP_SECONDS = 20
#: Ports tried, should others take them between our look and the engine's start.
ATTEMPTS = 5


def start(state_dir: Path, extra: Mapping[str, str] | None = None) -> str:
    """Start the engine unless it runs already with these settings; return its address.

    ``extra`` is added to its environment. Raises SetupFault when it does not come up.
    """
    places = Places.below(state_dir)
    wanted = dict(extra or {})
    last = Record.read(places.record)
    if last and last.environment == wanted and running(state_dir):
        return last.url
    stop(state_dir)  # also one that hangs: two engines on one state would destroy it
    launch.make_room(places)
    ports = [last.port] if last and launch.is_free(last.port) else []
    for _ in range(ATTEMPTS):
        port = ports.pop() if ports else launch.free_port()
        if last and last.port != port:
            launch.readdress(places.data / "state", last.port, port)
        last = Record(port)
        last.save(places.record)
        record = launch.try_port(places, port, wanted)
        if record:
            record.save(places.record)
            return record.url
    raise SetupFault(f"The embedded engine found no free port in {ATTEMPTS} attempts; see {places.log}.")


def running(state_dir: Path) -> bool:
    """Tell whether the engine of this state directory is alive and answers."""
    record = Record.read(Places.below(state_dir).record)
    if record is None:
        return False
    process = processes.find(record.pid, record.created)
    return process is not None and processes.listens(process, record.port) and launch.answers(record.url)


def stop(state_dir: Path) -> bool:
    """Stop the engine and the functions it runs; return whether there was anything to stop."""
    places = Places.below(state_dir)
    record = Record.read(places.record)
    process = processes.find(record.pid, record.created) if record else None
    if record is None or process is None:
        return False
    family = processes.family(process)
    # The engine first: it writes its state, while the functions' answers still reach it.
    processes.end([process], grace_seconds=STOP_SECONDS)
    processes.end((member for member in family if member.is_running()), grace_seconds=2)
    Record(port=record.port).save(places.record)
    shutil.rmtree(places.scratch, ignore_errors=True)
    return True


def end(state_dir: Path, _stack_name: str, wiped: bool) -> str:
    """Stop the engine and, if asked, remove all that it holds; say what was done, if anything ran."""
    stopped = stop(state_dir)
    if wiped:
        wipe(state_dir)
    return f"The embedded engine is stopped; its data is {'removed' if wiped else 'kept'}." if stopped else ""


def complaints(state_dir: Path) -> int:
    """Count the errors that the engine has logged since it started."""
    log = Places.below(state_dir).log
    return log.read_text(encoding="utf-8", errors="replace").count(" ERROR ") if log.is_file() else 0


def wipe(state_dir: Path) -> None:
    """Remove all that the engine has left. It must not be running."""
    places = Places.below(state_dir)
    shutil.rmtree(places.data, ignore_errors=True)
    shutil.rmtree(places.scratch, ignore_errors=True)
    for path in (places.record, places.log):
        path.unlink(missing_ok=True)
