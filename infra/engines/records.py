"""What is known of the embedded engine between two commands: its process, its port, its files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Record:
    """What ``engine.json`` remembers. The port outlives the process: recorded addresses contain it."""

    port: int
    pid: int = 0
    #: When the process started, seconds since 1970; with the number it names one process for good.
    created: float = 0.0
    #: What was added to the engine's own settings.
    environment: Mapping[str, str] = field(default_factory=dict)

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
    #: What survives a stop.
    data: Path
    #: Unzipped functions and other files of one run.
    scratch: Path

    @classmethod
    def below(cls, state_dir: Path) -> Self:
        """Name them; none is made yet."""
        root = state_dir.resolve()
        return cls(record=root / "engine.json", log=root / "engine.log", data=root / "data", scratch=root / "scratch")
