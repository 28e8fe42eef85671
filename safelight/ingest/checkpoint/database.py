"""The SQLite file of a checkpoint.

Only one process can open the file, and only one thread uses it. A committed change is not lost in a kill or power
failure.
"""

import errno
import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safelight.errors import ClientError
from safelight.ingest.checkpoint.schema import APPLICATION, TABLES, VERSION
from safelight.local_files import path_exists

FILE_NAME = "checkpoint.sqlite"
#: Size of SQLite's page cache, KiB. It is fixed, so that memory does not grow with the file.
_CACHE_KIB = 256


class CheckpointUnusable(ClientError):
    """The checkpoint can't be read or written, is not a checkpoint, or is in use by another ingest."""

    code = "CHECKPOINT_UNUSABLE"


class Checkpoint:
    """An open checkpoint. Only this package uses ``database``, in the thread that opened it."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """Use an open database; see :func:`open_checkpoint`."""
        self.path = path
        self.database = database
        #: Called with the number of each file whose state has changed.
        self.on_change: Callable[[int], None] | None = None

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
        """Return the random ID of the checkpoint. Its Idempotency-Keys contain this ID."""
        return self.get_fact("id") or ""

    def get_fact(self, name: str) -> str | None:
        """Return a stored fact, or None."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Store a fact with the next commit."""
        self.database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def report_change(self, number: int) -> None:
        """Report that the state of a file has changed."""
        if self.on_change is not None:
            self.on_change(number)

    def commit(self) -> None:
        """Make all changes durable."""
        self.database.commit()


def open_checkpoint(path: Path, *, fresh: bool = False) -> Checkpoint:
    """Open or create a checkpoint and return it. With ``fresh``, an existing checkpoint is deleted first.

    Raises CheckpointUnusable if the file can't be used.
    """
    with translate_database_errors(path):
        _make_folder(path.parent)
        database = _connect(path)
        try:
            _require_checkpoint(path, database)
            if fresh:
                # No other process uses the file, because it could be opened.
                database.close()
                for suffix in ("-wal", "-shm", ""):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
                database = _connect(path)
            _create_tables(path, database)
        except BaseException:
            database.close()
            raise
    return Checkpoint(path, database)


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Yield the database of a checkpoint for queries, or None if there is none or another process uses it."""
    # A complete file is opened without the auxiliary files of SQLite, which would stay. A run that was killed has left
    # such a file.
    mode = "mode=ro" if path_exists(f"{path}-wal") else "immutable=1"
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=0.5)
    except sqlite3.Error:
        yield None
        return
    try:
        database.execute("SELECT 1 FROM files LIMIT 1")
    except sqlite3.Error:
        yield None
    else:
        yield database
    finally:
        database.close()


def default_path(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Return the path of the checkpoint for these settings. The same settings always have the same path."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return folder / sha256(text.encode(errors="surrogatepass")).hexdigest()[:16] / FILE_NAME


@contextmanager
def translate_database_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite. Raises CheckpointUnusable for errors of the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise CheckpointUnusable(f"{path} is in use by another ingest.") from error
        raise CheckpointUnusable(f"{path} can't be used ({error}).") from error
    except sqlite3.ProgrammingError:
        # A bug in this package, not a problem with the file.
        raise
    except sqlite3.DatabaseError as error:
        raise CheckpointUnusable(f"{path} is not a checkpoint ({error}).") from error


def _make_folder(folder: Path) -> None:
    try:
        for missing in [each for each in (*reversed(folder.parents), folder) if not path_exists(each)]:
            missing.mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise CheckpointUnusable(
            f"The folder of the checkpoint, {folder}, can't be written ({error.strerror or error}). Choose another "
            "file with --checkpoint, or set SAFELIGHT_STATE_DIR to a folder that you can write to."
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0.5)
    try:
        # Lock the file before the first access. The operating system releases the lock when the process ends.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # Every commit reaches the disk, so that a power failure does not lose what the API has acknowledged.
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


def _require_checkpoint(path: Path, database: sqlite3.Connection) -> None:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise CheckpointUnusable(f"{path} is a database of another program.")


def _create_tables(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version not in {0, VERSION}:
        raise CheckpointUnusable(f"{path} was written by another version. Use --fresh to start over.")
    if version == 0:
        # One transaction, so that after a kill the file is either empty or complete.
        database.executescript(
            f"BEGIN; {TABLES} INSERT INTO facts VALUES ('id', '{uuid.uuid4().hex}'); COMMIT;"  # noqa: S608 - constants
        )
