"""A reader's shell: blocks run one after the other, each with the variables that the last one left."""

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

#: Longest time for a block.
SECONDS = 120
#: An HTTP error is the end of a block; without this curl calls it a success.
_CURL = "silent\nshow-error\nfail-with-body\nmax-time = 60\n"


@dataclass
class Shell:
    """Bash in a folder, with an environment that outlives each block."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / ".home"
        self.home.mkdir()
        (self.home / ".curlrc").write_text(_CURL, "utf-8")
        self.environment |= {"HOME": str(self.home), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}

    def run(self, block: str, allowed: Collection[int] = (0,)) -> str:
        """Run a block; return what it printed, errors included. An exit code that is not allowed fails the test."""
        left = self.home / "variables"
        script = f"set -a\ntrap 'env -0 > {left}' EXIT\n{block}"
        done = subprocess.run(
            ("bash", "-euo", "pipefail", "-c", script),  # noqa: S607 - the bash that a reader has
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode in allowed, f"exit code {done.returncode} of\n{block}\n{done.stdout}"
        self.environment = dict(pair.split("=", 1) for pair in left.read_text("utf-8").split("\0") if "=" in pair)
        return done.stdout


def path_with(scripts: Path) -> str:
    """Return a PATH on which a folder of scripts comes first."""
    return f"{scripts}{os.pathsep}{os.environ['PATH']}"
