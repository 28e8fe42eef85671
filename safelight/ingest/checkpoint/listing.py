"""What the sources named, written into the checkpoint once, however often they are read."""

import json
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.entries import Found, Misfit
from safelight.ingest.output_paths import collision_key, target

#: Results of one name are numbered up to this; further ones get their file's number.
_NUMBERED = 9

_LAST_STATES = (State.SENT, State.COMPLETED, State.SAVED, State.UNSAVED, State.FAILED)


def begin(checkpoint: Checkpoint, out: str | None) -> None:
    """Prepare a run over a checkpoint that may have had others.

    What was refused on this side is tried again, and results that are not in ``out`` are fetched again.
    """
    database = checkpoint.database
    # The sources are read again and name what still does not fit.
    database.execute("DELETE FROM files WHERE state = ? AND target IS NULL", (State.REFUSED,))
    database.execute(
        "UPDATE files SET state = ?, tries = 0, job = NULL, form = NULL, status = NULL, code = NULL, message = NULL"
        " WHERE state = ?",
        (State.FOUND, State.REFUSED),
    )
    database.execute(
        "UPDATE files SET state = ?, code = NULL, message = NULL WHERE state = ?", (State.COMPLETED, State.UNSAVED)
    )
    if out is not None and checkpoint.fact("out") != out:
        database.execute("UPDATE files SET state = ?, saved = NULL WHERE state = ?", (State.COMPLETED, State.SAVED))
        database.execute("DELETE FROM results")
        checkpoint.note("out", out)
    checkpoint.commit()


def add(checkpoint: Checkpoint, entries: Iterable[Found | Misfit]) -> None:
    """Write entries that are not there yet. A file whose content has changed since it was sent is new again."""
    for entry in entries:
        if isinstance(entry, Misfit):
            _add_misfit(checkpoint, entry)
        else:
            _add_found(checkpoint, entry)


def release_twins(checkpoint: Checkpoint, number: int) -> None:
    """Let those that waited for a file's outcome go their own way: it will have none that is theirs."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, twin = NULL WHERE twin = ? AND state = ?", (State.FOUND, number, State.TWIN)
    )


def options_text(found: Found) -> str:
    """Write a file's own options so that equal ones are equal texts; empty where it has none."""
    return json.dumps(found.options, sort_keys=True, separators=(",", ":")) if found.options else ""


def _add_found(checkpoint: Checkpoint, found: Found) -> None:
    database = checkpoint.database
    source, options = os.fsencode(found.source), options_text(found)
    identity = _identity(b"file", source, (found.filename or "").encode(errors="surrogatepass"), options.encode())
    known = database.execute(
        "SELECT number, state, size, modified FROM files WHERE identity = ?", (identity,)
    ).fetchone()
    if known is None:
        place = _free_target(checkpoint, target(found.relative))
        database.execute(
            "INSERT INTO files (identity, source, filename, options, target, target_key) VALUES (?, ?, ?, ?, ?, ?)",
            (identity, source, _text(found.filename), options, place, collision_key(place)),
        )
    elif known[1] in _LAST_STATES and not found.is_object:
        _renew_if_changed(checkpoint, *known, source=source)


def _renew_if_changed(
    checkpoint: Checkpoint, number: int, _state: int, size: int, modified: int, *, source: bytes
) -> None:
    try:
        facts = Path(os.fsdecode(source)).stat()
    except OSError:
        return
    if (facts.st_size, facts.st_mtime_ns) == (size, modified):
        return
    database = checkpoint.database
    database.execute(
        "UPDATE files SET state = ?, tries = 0, digest = NULL, twin = NULL, job = NULL, form = NULL,"
        " status = NULL, code = NULL, message = NULL, outputs = NULL, saved = NULL WHERE number = ?",
        (State.FOUND, number),
    )
    release_twins(checkpoint, number)


def _add_misfit(checkpoint: Checkpoint, misfit: Misfit) -> None:
    where = os.fsencode(misfit.where)
    checkpoint.database.execute(
        "INSERT OR IGNORE INTO files (identity, source, state, code, message) VALUES (?, ?, ?, ?, ?)",
        (_identity(b"misfit", where), where, State.REFUSED, misfit.code, _text(misfit.message)),
    )


def _free_target(checkpoint: Checkpoint, wanted: str) -> str:
    """Return the wanted place for a result, or one beside it where another file has that."""
    place, tried = wanted, 1
    while checkpoint.database.execute("SELECT 1 FROM files WHERE target_key = ?", (collision_key(place),)).fetchone():
        tried += 1
        number = tried
        if tried > _NUMBERED:
            (last,) = checkpoint.database.execute("SELECT max(number) FROM files").fetchone()
            number = last + tried
        place = f"{wanted}-{number}"
    return place


def _identity(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=16).digest()


def _text(value: str | None) -> str | None:
    """Return text that SQLite and JSON can hold: undecodable bytes of a name are no such text."""
    return None if value is None else value.encode(errors="replace").decode()
