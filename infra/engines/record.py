"""State of the embedded engine between commands: its process, port and files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
#: ``POST`` writes a snapshot of the engine's state and answers 204.
SNAPSHOT_PATH = "/_safelight/snapshot"
#: The tested release of MiniStack, which requirements/local.txt pins. Patches are for this release only.
VERSION = "1.5.33"


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """Content of ``engine.json``. The port is kept after a stop, because URLs that the engine has stored contain it."""

    port: int
    pid: int = 0
    #: Start time of the process, seconds since 1970. Together with the ID it identifies the process.
    created: float = 0.0
    #: Settings that were added to the engine's environment.
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the URL of the engine."""
        return f"http://{HOST}:{self.port}"

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the record, or None if the file is missing or damaged."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        scratch = path.with_suffix(".tmp")
        scratch.write_text(json.dumps(asdict(self)), encoding="utf-8")
        scratch.replace(path)


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """Files and folders below the state directory."""

    record: Path
    log: Path
    #: Tables, queues and objects, which are kept when the engine stops.
    data: Path
    #: Unzipped functions and other files of one run.
    scratch: Path

    @classmethod
    def below(cls, state_dir: Path) -> Self:
        """Return the paths for a state directory, without creating anything."""
        root = state_dir.resolve()
        return cls(record=root / "engine.json", log=root / "engine.log", data=root / "data", scratch=root / "scratch")
