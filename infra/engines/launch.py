"""Start the embedded engine's process on a port, with its own environment."""

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

from infra.deployment.packaging import SOURCE_ROOT
from infra.engines import processes
from infra.engines.record import HOST, SNAPSHOT_PATH, EnginePaths, EngineRecord
from infra.errors import SetupError

HEALTH_PATH = "/_ministack/health"
#: Only for a process that hangs. On a busy machine, a start takes minutes.
START_SECONDS = 600
SNAPSHOT_SECONDS = 600
#: The address on which the engine listens, if not only this machine may reach it. For containers, whose ports Docker
#: publishes. Anyone who can reach it can run code in it.
BIND_VARIABLE = "SAFELIGHT_BIND_HOST"
_TAIL_CHARACTERS = 600
#: A wheel has this package in a folder that is not in Python's path. PYTHONPATH would also change the functions.
_SERVE = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("infra.engines.server", run_name="__main__")
"""


def make_environment(paths: EnginePaths, port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the engine's complete environment.

    Nothing is inherited from the current process. The functions also get this environment, and an AWS_ENDPOINT_URL,
    profile or proxy from the current process would redirect their requests.
    """
    home = paths.scratch / "home"
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(paths.scratch),
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
        "STATE_DIR": str(paths.data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(paths.data / "s3"),
        **extra,
    }


def make_folders(paths: EnginePaths) -> None:
    """Create the engine's folders. Delete the scratch files and the log of an earlier run."""
    shutil.rmtree(paths.scratch, ignore_errors=True)
    (paths.scratch / "home").mkdir(parents=True)
    (paths.data / "state").mkdir(parents=True, exist_ok=True)
    (paths.data / "s3").mkdir(parents=True, exist_ok=True)
    paths.log.unlink(missing_ok=True)


def rewrite_port(state: Path, old: int, new: int) -> None:
    """Replace the old port in stored URLs, because another process now uses it.

    The engine finds a queue by its full URL, including the port.
    """
    for path in state.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for host in (HOST, "localhost"):
            text = text.replace(f"//{host}:{old}", f"//{host}:{new}")
        path.write_text(text, encoding="utf-8")


def try_port(paths: EnginePaths, port: int, extra: Mapping[str, str]) -> EngineRecord | None:
    """Start the engine on one port. Return its record, or None if another process uses the port.

    Raises SetupError if the engine does not start.
    """
    with paths.log.open("ab") as log:
        engine = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE, str(SOURCE_ROOT), os.environ.get(BIND_VARIABLE, HOST), str(port)],
            cwd=paths.scratch,
            env=make_environment(paths, port, extra),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in this terminal must not stop it
        )
    try:
        process = psutil.Process(engine.pid)
        record = EngineRecord(port=port, pid=engine.pid, created=process.create_time(), environment=dict(extra))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and engine.poll() is None:
            if processes.is_listening(process, port) and is_healthy(record.url):
                engine.returncode = 0  # the engine keeps running: suppress the warning about a running child process
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
    raise SetupError(f"The embedded engine did not start: {_tail(paths.log)}")


def is_healthy(url: str) -> bool:
    """Return True if a healthy engine responds at this URL."""
    with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(url + HEALTH_PATH).status_code == httpx.codes.OK
    return False


def take_snapshot(url: str) -> None:
    """Let the engine at this address write its state. Raises SetupError if that fails."""
    try:
        with httpx.Client(trust_env=False, timeout=SNAPSHOT_SECONDS) as client:
            client.post(url + SNAPSHOT_PATH).raise_for_status()
    except httpx.HTTPError as error:
        raise SetupError(f"The embedded engine did not write its state: {error}") from error


def find_free_port() -> int:
    """Return a free port. Another process may take it before the engine does."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Return True if the port is free."""
    with socket.socket() as probe:
        if os.name == "posix":  # like the engine, treat a port in TIME_WAIT as free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _tail(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    return text[-_TAIL_CHARACTERS:] or f"no output; see {path}"
