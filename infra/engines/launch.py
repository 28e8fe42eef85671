"""Starts the embedded engine's process on a port, in surroundings of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from infra.engines import processes
from infra.engines.records import HOST, Places, Record
from infra.faults import SetupFault

HEALTH_PATH = "/_ministack/health"
START_SECONDS = 30
_TAIL_CHARACTERS = 600


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


def make_room(places: Places) -> None:
    """Make the folders; what an earlier run left unzipped goes, and its log."""
    shutil.rmtree(places.scratch, ignore_errors=True)
    (places.scratch / "home").mkdir(parents=True)
    (places.data / "state").mkdir(parents=True, exist_ok=True)
    (places.data / "s3").mkdir(parents=True, exist_ok=True)
    places.log.unlink(missing_ok=True)


def readdress(state: Path, old: int, new: int) -> None:
    """Rewrite the kept addresses when the port of the last run belongs to somebody else now.

    The engine looks a queue up by its whole address, port included, and would never deliver from it.
    """
    for path in state.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for host in (HOST, "localhost"):
            text = text.replace(f"//{host}:{old}", f"//{host}:{new}")
        path.write_text(text, encoding="utf-8")


def try_port(places: Places, port: int, extra: Mapping[str, str]) -> Record | None:
    """Start on one port; None when somebody else has it. Raises SetupFault when the engine fails."""
    with places.log.open("ab") as log:
        engine = subprocess.Popen(
            [sys.executable, "-P", "-m", "infra.engines.serve", HOST, str(port)],
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
            if processes.listens(process, port) and answers(record.url):
                engine.returncode = 0  # it is meant to outlive us: no complaint when this object goes
                return record
            time.sleep(0.02)
    except BaseException:
        engine.kill()
        engine.wait()
        raise
    if engine.poll() is not None and not is_free(port):
        return None
    engine.kill()
    engine.wait()
    raise SetupFault(f"The embedded engine did not start: {_tail(places.log)}")


def answers(url: str) -> bool:
    """Tell whether an engine answers there."""
    with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(url + HEALTH_PATH).status_code == httpx.codes.OK
    return False


def free_port() -> int:
    """Find a port that nobody has; somebody may take it before the engine does."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Tell whether nobody has the port."""
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
