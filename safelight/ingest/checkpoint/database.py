"""The file that knows how far an ingest is: SQLite, written before anything is told to the API that must not be lost.

Only one process can have it open, only one thread uses it, and what was committed survives any kill.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safelight.errors import ClientError
from safelight.ingest.checkpoint.schema import APPLICATION, TABLES, VERSION

FILE_NAME = "checkpoint.sqlite"
#: Pages of the file that are kept in memory, KiB: the same however large it grows.
_CACHE_KIB = 256


class CheckpointUnusable(ClientError):
    """The checkpoint can't be read or written, belongs to something else, or another ingest has it."""

    code = "CHECKPOINT_UNUSABLE"


class Checkpoint:
    """An open checkpoint. ``database`` is for the modules of this package, in the thread that opened it."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """Keep an open database; see :func:`opened`."""
        self.path = path
        self.database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.database.close()

    @property
    def id(self) -> str:
        """Return what tells this checkpoint from every other; keys of requests begin with it."""
        return self.fact("id") or ""

    def fact(self, name: str) -> str | None:
        """Return what :meth:`note` wrote."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Keep a fact; durable with the next commit."""
        self.database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def commit(self) -> None:
        """Make all that was written durable."""
        self.database.commit()


def opened(path: Path, *, fresh: bool = False) -> Checkpoint:
    """Open a checkpoint, new or as it was left; ``fresh`` forgets what was there.

    Raises CheckpointUnusable, also while another process has it open.
    """
    with translated(path):
        _make_folder(path.parent)
        database = _connect(path)
        try:
            _check_ours(path, database)
            if fresh:
                # Opening it was the proof that nobody else has it.
                database.close()
                for suffix in ("-wal", "-shm", ""):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
                database = _connect(path)
            _prepare(path, database)
        except BaseException:
            database.close()
            raise
    return Checkpoint(path, database)


def default_path(folder: Path, described: Mapping[str, Any]) -> Path:
    """Return where the checkpoint of a command lies: the same for the same sources, options and API."""
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return folder / sha256(text.encode(errors="surrogatepass")).hexdigest()[:16] / FILE_NAME


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn faults of SQLite and of the disk below it into CheckpointUnusable."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise CheckpointUnusable(f"{path} is in use: another ingest runs with it.") from error
        raise CheckpointUnusable(f"{path} can't be used ({error}).") from error
    except sqlite3.ProgrammingError:
        # Ours, and no fault of the file's.
        raise
    except sqlite3.DatabaseError as error:
        raise CheckpointUnusable(f"{path} is no checkpoint ({error}).") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(0, "not allowed")
    except OSError as error:
        raise CheckpointUnusable(f"{folder} can't be written ({error.strerror or error}).") from error


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0.5)
    try:
        # Exclusive before the first access: the lock goes with the process, however that ends.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # Every commit reaches the disk, so that not even a power cut forgets what the API has acknowledged.
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.execute("BEGIN IMMEDIATE")
        database.commit()
    except BaseException:
        database.close()
        raise
    with suppress(OSError):
        path.chmod(0o600)
    return database


def _check_ours(path: Path, database: sqlite3.Connection) -> None:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise CheckpointUnusable(f"{path} is some other database.")


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version not in {0, VERSION}:
        raise CheckpointUnusable(f"{path} was written by another version; begin anew with --fresh.")
    if version == 0:
        # One transaction: a kill leaves an empty file or a whole one.
        database.executescript(
            f"BEGIN; {TABLES} INSERT INTO facts VALUES ('id', '{uuid.uuid4().hex}'); COMMIT;"  # noqa: S608 - our own text
        )
