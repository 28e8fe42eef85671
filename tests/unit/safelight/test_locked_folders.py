"""Commands whose files are in a folder that the user can't enter. Root can enter every folder, so it gives this up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.thorough import every

ROOT = Path(__file__).parents[3]
#: Nothing listens at this port.
CLOSED = "http://127.0.0.1:9/v1"
_IS_ROOT = os.geteuid() == 0
_WITHOUT_OVERRIDE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")

pytestmark = pytest.mark.skipif(
    _IS_ROOT and shutil.which("setpriv") is None, reason="root can enter every folder, and there is no setpriv"
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    every(
        3,
        [
            (("submit", "a.png", "--out", "locked/out"), "locked/out can't be written (Permission denied)"),
            (("ingest", "a.png", "--out", "locked/out"), "locked/out can't be written (Permission denied)"),
            (("ingest", "a.png", "--report", "locked/report"), "locked/report can't be written (Permission denied)"),
            (("ingest", "a.png", "--checkpoint", "locked/state/c"), "Choose another file with --checkpoint"),
            (("ingest", "locked/a.png"), "locked/a.png can't be read (Permission denied)"),
            (("result", "JOB", "-o", "locked/a.png"), "can't be reached"),
            (("status", "locked/a"), "is a path"),
            (("up",), "set SAFELIGHT_STATE_DIR to one"),
            (("demo",), "set SAFELIGHT_STATE_DIR to one"),
        ],
    ),
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_locked_folder_is_named(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    """The message names the path and what to do. Nothing is sent, and there is no traceback."""
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / "a.png").write_bytes(b"image")
    state = locked / "state" if arguments[0] in {"up", "demo"} else tmp_path / "state"
    environment = {**os.environ, "SAFELIGHT_API_URL": CLOSED, "SAFELIGHT_STATE_DIR": str(state)}
    command = [sys.executable, "-m", "safelight", *arguments]
    locked.chmod(0)
    try:
        done = subprocess.run(
            [*(_WITHOUT_OVERRIDE if _IS_ROOT else ()), *command],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        locked.chmod(0o700)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert says in done.stderr
