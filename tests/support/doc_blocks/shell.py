"""A Bash session: each block has the variables of the previous one."""

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

#: Timeout of a block.
TIMEOUT_SECONDS = 600
#: An HTTP error ends a block; by default, curl exits with 0. With curl's own delays, `--retry 5` would give up after
#: half a minute, and a busy machine can need more.
_CURL = "silent\nshow-error\nfail-with-body\nmax-time = 300\nretry-delay = 20\n"


@dataclass
class Shell:
    """Bash in a folder, with an environment that blocks can change."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / ".home"
        self.home.mkdir()
        (self.home / ".curlrc").write_text(_CURL, "utf-8")
        self.environment |= {"HOME": str(self.home), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}

    def run(self, block: str, allowed: Collection[int] = (0,)) -> str:
        """Run a block and return its output, including errors. Fail the test for other exit codes than ``allowed``."""
        left = self.home / "variables"
        script = f"set -a\ntrap 'env -0 > {left}' EXIT\n{block}"
        done = subprocess.run(
            ("bash", "-euo", "pipefail", "-c", script),  # noqa: S607 - bash from PATH
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode in allowed, f"exit code {done.returncode} of\n{block}\n{done.stdout}"
        self.environment = dict(pair.split("=", 1) for pair in left.read_text("utf-8").split("\0") if "=" in pair)
        return done.stdout


def prepend_to_path(scripts: Path) -> str:
    """Return PATH with a folder of scripts first."""
    return f"{scripts}{os.pathsep}{os.environ['PATH']}"
