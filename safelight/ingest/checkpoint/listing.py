"""Entries of the sources in the checkpoint. Every run reads the sources again, but each entry is stored only once."""

import json
import os
import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.files import release_duplicates
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.output_paths import make_collision_key, make_output_path
from safelight.ingest.sources import Entry, InvalidEntry

#: Output paths with the same name are numbered up to this. More of them get a number derived from the file's number.
_MAX_SUFFIX = 9

_FIND = "SELECT number, state, size, modified FROM files WHERE identity = ?"
_SENT_OR_ENDED = (State.SENT, State.COMPLETED, State.SAVED, State.UNSAVED, State.FAILED)


def prepare_run(checkpoint: Checkpoint, out: str | None) -> None:
    """Prepare a checkpoint for another run.

    Refused files are tried again. Results that are not in the folder ``out`` are downloaded again.
    """
    database = checkpoint.database
    # The sources are read again and yield these files, unless they were deleted in the meantime.
    database.execute("DELETE FROM results WHERE file IN (SELECT number FROM files WHERE state = ?)", (State.REFUSED,))
    database.execute("DELETE FROM files WHERE state = ?", (State.REFUSED,))
    database.execute(
        "UPDATE files SET state = ?, code = NULL, message = NULL WHERE state = ?", (State.COMPLETED, State.UNSAVED)
    )
    if out is not None and checkpoint.get_fact("out") != out:
        database.execute("UPDATE files SET state = ?, saved = NULL WHERE state = ?", (State.COMPLETED, State.SAVED))
        database.execute("DELETE FROM results")
        checkpoint.set_fact("out", out)
    checkpoint.commit()


def add_entries(checkpoint: Checkpoint, entries: Iterable[Entry | InvalidEntry]) -> list[State]:
    """Store new entries. A file that changed since its upload counts as new.

    Return the earlier states of the files that have changed.
    """
    changed = []
    for entry in entries:
        if isinstance(entry, InvalidEntry):
            _add_invalid_entry(checkpoint, entry)
        elif (state := _add_entry(checkpoint, entry)) is not None:
            changed.append(state)
    return changed


def find_state(database: sqlite3.Connection, entry: Entry) -> State | None:
    """Return the state of an entry's file in a checkpoint, or None if the file is new or has changed."""
    known = database.execute(_FIND, (_identify(entry),)).fetchone()
    if known is None:
        return None
    _, state, size, modified = known
    is_changed = state in _SENT_OR_ENDED and not entry.is_object and _has_changed(entry.source, size, modified)
    return None if is_changed else State(state)


def _format_options(entry: Entry) -> str:
    # The same options must always have the same text, because duplicates are found by comparing the text.
    return json.dumps(entry.options, sort_keys=True, separators=(",", ":")) if entry.options else ""


def _identify(entry: Entry) -> bytes:
    name = (entry.filename or "").encode(errors="surrogatepass")
    return _hash(b"file", os.fsencode(entry.source), name, _format_options(entry).encode())


def _add_entry(checkpoint: Checkpoint, entry: Entry) -> State | None:
    """Store an entry. Return the earlier state of its file if the file has changed."""
    database = checkpoint.database
    identity = _identify(entry)
    known = database.execute(_FIND, (identity,)).fetchone()
    if known is None:
        path = _free_output_path(checkpoint, make_output_path(entry.relative))
        database.execute(
            "INSERT INTO files (identity, source, filename, options, target, target_key) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(identity, os.fsencode(entry.source), _make_storable(entry.filename), _format_options(entry)),
                *(path, make_collision_key(path)),
            ),
        )
        return None
    number, state, size, modified = known
    if state in _SENT_OR_ENDED and not entry.is_object and _has_changed(entry.source, size, modified):
        database.execute(
            "UPDATE files SET state = ?, tries = 0, digest = NULL, twin = NULL, job = NULL, form = NULL,"
            " status = NULL, code = NULL, message = NULL, outputs = NULL, saved = NULL WHERE number = ?",
            (State.FOUND, number),
        )
        release_duplicates(checkpoint, number)
        return State(state)
    return None


def _has_changed(source: str, size: int, modified: int) -> bool:
    try:
        facts = Path(source).stat()
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) != (size, modified)


def _add_invalid_entry(checkpoint: Checkpoint, entry: InvalidEntry) -> None:
    where = os.fsencode(entry.where)
    checkpoint.database.execute(
        "INSERT OR IGNORE INTO files (identity, source, state, code, message) VALUES (?, ?, ?, ?, ?)",
        (_hash(b"misfit", where), where, State.REFUSED, entry.code, _make_storable(entry.message)),
    )
    (number,) = checkpoint.database.execute("SELECT max(number) FROM files").fetchone()
    checkpoint.report_change(number)


def _free_output_path(checkpoint: Checkpoint, preferred: str) -> str:
    """Return the preferred output path, with a number if another file has it."""
    path, suffix = preferred, 1
    query = "SELECT 1 FROM files WHERE target_key = ?"
    while checkpoint.database.execute(query, (make_collision_key(path),)).fetchone():
        suffix += 1
        number = suffix
        if suffix > _MAX_SUFFIX:
            (last,) = checkpoint.database.execute("SELECT max(number) FROM files").fetchone()
            number = last + suffix
        path = f"{preferred}-{number}"
    return path


def _hash(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=16).digest()


def _make_storable(value: str | None) -> str | None:
    """Replace the undecodable bytes of a name, which neither SQLite nor JSON can store as text."""
    return None if value is None else value.encode(errors="replace").decode()
