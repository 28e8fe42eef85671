"""The embedded engine: MiniStack as a background process of this machine, on loopback alone.

Its state lies under the state directory and is written when it stops in an orderly way. A killed engine
keeps the objects in its buckets but falls back to the last orderly stop in everything else.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import httpx
import psutil

from infra.engines import processes
from infra.faults import SetupFault

VERSION = "1.5.33"
"""The release that all of this was measured on; requirements/local.txt pins it."""
HOST = "127.0.0.1"
HEALTH_PATH = "/_ministack/health"
START_SECONDS = 30
STOP_SECONDS = 20
"""The engine writes its state within this time, or is killed."""
ATTEMPTS = 5
"""Ports tried, should others take them between our look and the engine's start."""
_TAIL_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Record:
    """What ``engine.json`` remembers. The port outlives the process: recorded addresses contain it."""

    port: int
    pid: int = 0
    created: float = 0.0
    """When the process started, seconds since 1970; with the number it names one process for good."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What was added to the engine's own settings."""

    @property
    def url(self) -> str:
        """Return the address of the engine's services."""
        return f"http://{HOST}:{self.port}"

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the file; None when there is none or it is damaged."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Write the file in one step."""
        scratch = path.with_suffix(".tmp")
        scratch.write_text(json.dumps(asdict(self)), encoding="utf-8")
        scratch.replace(path)


@dataclass(frozen=True, slots=True)
class Places:
    """Files and folders below the state directory."""

    record: Path
    log: Path
    data: Path
    """What survives a stop."""
    scratch: Path
    """Unzipped functions and other files of one run."""

    @classmethod
    def below(cls, state_dir: Path) -> Self:
        """Name them; none is made yet."""
        root = state_dir.resolve()
        return cls(record=root / "engine.json", log=root / "engine.log", data=root / "data", scratch=root / "scratch")


def start(state_dir: Path, extra: Mapping[str, str] | None = None) -> str:
    """Start the engine unless it runs already with these settings; return its address.

    ``extra`` is added to its environment. Raises SetupFault when it does not come up.
    """
    places = Places.below(state_dir)
    wanted = dict(extra or {})
    last = Record.read(places.record)
    if last and running(state_dir):
        if last.environment == wanted:
            return last.url
        stop(state_dir)
    _make_room(places)
    ports = [last.port] if last and _is_free(last.port) else []
    for _ in range(ATTEMPTS):
        port = ports.pop() if ports else _free_port()
        if last and last.port != port:
            _readdress(places.data / "state", last.port, port)
        last = Record(port)
        last.save(places.record)
        record = _try_port(places, port, wanted)
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
    return process is not None and processes.listens(process, record.port) and _answers(record.url)


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


def environment(places: Places, port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """Make the engine's whole environment.

    Nothing of the caller's is in it: functions inherit it, and a foreign AWS_ENDPOINT_URL, profile or
    proxy would send them elsewhere.
    """
    home = places.scratch / "home"
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(places.scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": str(home / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": "us-east-1",
        "DOCKER_HOST": f"unix://{home / 'no-docker.sock'}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(places.data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(places.data / "s3"),
        **extra,
    }


def _make_room(places: Places) -> None:
    shutil.rmtree(places.scratch, ignore_errors=True)
    (places.scratch / "home").mkdir(parents=True)
    (places.data / "state").mkdir(parents=True, exist_ok=True)
    (places.data / "s3").mkdir(parents=True, exist_ok=True)
    places.log.unlink(missing_ok=True)


def _readdress(state: Path, old: int, new: int) -> None:
    """Rewrite the kept addresses when the port of the last run belongs to somebody else now.

    The engine looks a queue up by its whole address, port included, and would never deliver from it.
    """
    for path in state.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for host in (HOST, "localhost"):
            text = text.replace(f"//{host}:{old}", f"//{host}:{new}")
        path.write_text(text, encoding="utf-8")


def _try_port(places: Places, port: int, extra: Mapping[str, str]) -> Record | None:
    """Start on one port; None when somebody else has it. Raises SetupFault when the engine fails."""
    with places.log.open("ab") as log:
        engine = subprocess.Popen(
            [sys.executable, "-P", "-m", "ministack"],
            cwd=places.scratch,
            env=environment(places, port, extra),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at our terminal is not meant for it
        )
    try:
        process = psutil.Process(engine.pid)
        record = Record(port=port, pid=engine.pid, created=process.create_time(), environment=dict(extra))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and engine.poll() is None:
            if processes.listens(process, port) and _answers(record.url):
                engine.returncode = 0  # it is meant to outlive us: no complaint when this object goes
                return record
            time.sleep(0.02)
    except BaseException:
        engine.kill()
        engine.wait()
        raise
    if engine.poll() is not None and not _is_free(port):
        return None
    engine.kill()
    engine.wait()
    raise SetupFault(f"The embedded engine did not start: {_tail(places.log)}")


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(url + HEALTH_PATH).status_code == httpx.codes.OK
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":  # as the engine does: a port that only lingers is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _tail(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    return text[-_TAIL_CHARACTERS:] or f"it said nothing; see {path}"
