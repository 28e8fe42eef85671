"""The checkpoint survives any end of the process, and a repeated step creates nothing twice."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.ingest.checkpoint import batches, files, listing
from safelight.ingest.checkpoint.database import Checkpoint, CheckpointUnusable, default_path, open_checkpoint
from safelight.ingest.checkpoint.schema import APPLICATION, State
from safelight.ingest.inspection import FileError, inspect_files
from safelight.ingest.sources import Entry, InvalidEntry
from safelight.models import AddedMembers, Job, Output


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    """A new checkpoint."""
    with open_checkpoint(tmp_path / "state" / "checkpoint.sqlite") as new:
        yield new


def make_entry(path: Path, relative: str | None = None, **more: object) -> Entry:
    """Return the entry of a file."""
    return Entry(source=str(path), relative=relative or path.name, **more)  # type: ignore[arg-type] # test data


def rows(checkpoint: Checkpoint, columns: str) -> list[tuple[object, ...]]:
    """Return columns of all files."""
    return checkpoint.database.execute(f"SELECT {columns} FROM files ORDER BY number").fetchall()  # noqa: S608


def add_files(checkpoint: Checkpoint, folder: Path, **contents: bytes) -> None:
    """Write files, add their entries and create a chunk."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        listing.add_entries(checkpoint, [make_entry(folder / name)])
    inspect_all(checkpoint)


def inspect_all(checkpoint: Checkpoint) -> None:
    """Inspect all new files and create a chunk."""
    rows = files.list_files(checkpoint, State.FOUND, excluded=(), limit=100)
    checkpoint.database.execute("INSERT OR IGNORE INTO batches VALUES (1, 'B', 0)")
    batches.create_chunk(checkpoint, inspect_files([(row.number, row.source) for row in rows]))


def respond(checkpoint: Checkpoint, **errors: Any) -> None:
    """Record the response to the oldest chunk: a job for each member, or the given error."""
    (chunk, *_) = batches.list_pending_chunks(checkpoint)
    indexes = [row[0] for row in rows(checkpoint, "place") if row[0] is not None]
    items = [
        {"index": index, "error": errors[f"m{index}"]}
        if f"m{index}" in errors
        else {
            "index": index,
            "job": {"id": f"JOB{chunk.number}-{index}", "status": "AWAITING_UPLOAD"},
            "upload": {"url": "http://store.test/", "fields": {"key": "k"}},
        }
        for index in indexes
    ]
    added = AddedMembers.model_validate({"batch": {"id": "B"}, "items": items})
    batches.record_chunk_response(checkpoint, chunk, added, now=1.0)


def make_ended_job(job_id: str, **more: object) -> Job:
    """Return a completed job, unless ``more`` says otherwise."""
    output = {"name": "image", "format": "PNG", "digest": "d", "size": 1}
    facts = {"id": job_id, "status": "COMPLETED", "done": True, "result": {"outputs": [output]}}
    return Job.model_validate(facts | more)


def test_entries_are_stored_once(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Another filename or other options make another entry."""
    path = tmp_path / "a.jpg"
    entries = [make_entry(path), make_entry(path, options={"width": 1}), make_entry(path, filename="b.jpg")]
    for _ in range(3):
        listing.add_entries(checkpoint, [*entries, InvalidEntry(where="list.csv:3", code="MANIFEST_ROW", message="m")])
    assert [row[0] for row in rows(checkpoint, "target")] == ["a", "a-2", "a-3", None]


def test_output_paths_do_not_collide(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Not by suffix, not by case, and not among many files of one name."""
    names = ["a.jpg", "a.png", "A.gif", "a-2.jpg", *(f"a.{number:03}" for number in range(20))]
    listing.add_entries(checkpoint, [make_entry(tmp_path / name) for name in names])
    targets = [str(row[0]) for row in rows(checkpoint, "target")]
    assert targets[:4] == ["a", "a-2", "A-3", "a-2-2"]
    assert len({each.casefold() for each in targets}) == len(names)


def test_undecodable_names_are_kept(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A name may hold bytes that are not text."""
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(b"x")
    listing.add_entries(checkpoint, [make_entry(tmp_path / name)])
    inspect_all(checkpoint)
    (row,) = files.list_files(checkpoint, State.CHUNKED, excluded=(), limit=9)
    assert row.source == str(tmp_path / name)
    assert b"caf?.jpg" in batches.list_pending_chunks(checkpoint)[0].body


def test_pending_chunk_is_unchanged_after_a_restart(tmp_path: Path) -> None:
    """A request that may have been sent is sent again byte for byte, even if its files have changed."""
    path = tmp_path / "c.sqlite"
    with open_checkpoint(path) as first:
        add_files(first, tmp_path, a=b"1", b=b"2")
        first.commit()
        sent, key = batches.list_pending_chunks(first), first.id
    (tmp_path / "a").write_bytes(b"changed")
    with open_checkpoint(path) as second:
        listing.prepare_run(second, None)
        listing.add_entries(second, [make_entry(tmp_path / "a")])
        assert batches.list_pending_chunks(second) == sent
        assert second.id == key


def test_duplicate_files_share_one_job(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A duplicate shares job and outcome, whether it is found before or after the end."""
    add_files(checkpoint, tmp_path, a=b"same", b=b"same", c=b"other")
    respond(checkpoint)
    assert [row[0] for row in rows(checkpoint, "state")] == [State.MEMBER, State.DUPLICATE, State.MEMBER]
    files.mark_ended(checkpoint, 1, make_ended_job("JOB1-0"))
    add_files(checkpoint, tmp_path, d=b"same")
    assert batches.list_pending_chunks(checkpoint) == []
    assert rows(checkpoint, "state, job")[:2] == [(State.COMPLETED, "JOB1-0")] * 2
    assert rows(checkpoint, "state, job")[3] == (State.COMPLETED, "JOB1-0")


def test_equal_bytes_with_other_options_get_two_jobs(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Their results differ."""
    (tmp_path / "a").write_bytes(b"same")
    listing.add_entries(checkpoint, [make_entry(tmp_path / "a"), make_entry(tmp_path / "a", options={"width": 1})])
    inspect_all(checkpoint)
    assert [row[0] for row in rows(checkpoint, "state")] == [State.CHUNKED] * 2


def test_duplicate_of_a_refused_file_gets_its_own_job(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The bytes of the duplicate are valid."""
    add_files(checkpoint, tmp_path, a=b"same", b=b"same")
    respond(checkpoint)
    files.mark_refused(checkpoint, FileError(1, "FILE_CHANGED", "m"))
    inspect_all(checkpoint)
    assert rows(checkpoint, "state, code") == [(State.REFUSED, "FILE_CHANGED"), (State.CHUNKED, None)]


def test_refused_member_does_not_affect_the_others(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A retryable error is retried in another request, a permanent one is recorded."""
    add_files(checkpoint, tmp_path, a=b"1", b=b"2", c=b"3")
    bad = {"code": "INVALID_PIPELINE", "detail": "Wrong.", "errors": [{"pointer": "/width", "detail": "too small"}]}
    respond(checkpoint, m0=bad, m1={"code": "THROTTLED", "retriable": True})
    assert rows(checkpoint, "state, code, message") == [
        (State.REFUSED, "INVALID_PIPELINE", "Wrong. /width: too small."),
        (State.FOUND, None, None),
        (State.MEMBER, None, None),
    ]
    for _ in range(4):
        inspect_all(checkpoint)
        respond(checkpoint, m0={"code": "THROTTLED", "retriable": True})
    assert rows(checkpoint, "state, code")[1] == (State.REFUSED, "THROTTLED")


def test_unreadable_files_do_not_affect_the_others(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Missing and empty files, folders and pipes."""
    (tmp_path / "good").write_bytes(b"1")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    names = ["missing", "empty", "folder", "pipe", "good"]
    listing.add_entries(checkpoint, [make_entry(tmp_path / name) for name in names])
    inspect_all(checkpoint)
    states = [row[0] for row in rows(checkpoint, "state")]
    assert states == [State.REFUSED] * 4 + [State.CHUNKED]
    assert {row[0] for row in rows(checkpoint, "code")[:4]} == {"LOCAL_FILE"}


def test_changed_file_counts_as_new(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """An unchanged file keeps its job."""
    add_files(checkpoint, tmp_path, a=b"1", b=b"2")
    respond(checkpoint)
    files.mark_ended(checkpoint, 1, make_ended_job("JOB1-0"))
    files.mark_ended(checkpoint, 2, make_ended_job("JOB1-1"))
    (tmp_path / "a").write_bytes(b"longer")
    listing.add_entries(checkpoint, [make_entry(tmp_path / "a"), make_entry(tmp_path / "b")])
    assert rows(checkpoint, "state, job") == [(State.FOUND, None), (State.COMPLETED, "JOB1-1")]


def test_next_run_retries_refused_files(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The sources yield them again, unless they were deleted. Results for another folder are downloaded again."""
    listing.prepare_run(checkpoint, "/out")
    add_files(checkpoint, tmp_path, a=b"1", b=b"")
    respond(checkpoint)
    listing.add_entries(checkpoint, [InvalidEntry(where="list.csv:3", code="MANIFEST_ROW", message="m")])
    files.mark_ended(checkpoint, 1, make_ended_job("JOB1-0"))
    files.mark_saved(checkpoint, 1, ["a.png"])
    listing.prepare_run(checkpoint, "/out")
    assert [row[0] for row in rows(checkpoint, "state")] == [State.SAVED]
    listing.prepare_run(checkpoint, "/elsewhere")
    assert [row[0] for row in rows(checkpoint, "state")] == [State.COMPLETED]


def test_no_result_overwrites_another(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Output labels can make two paths equal. The later file gets its number."""
    add_files(checkpoint, tmp_path, **{"a.x": b"1", "a.thumb.x": b"2"})
    rows_by_path = {row.output_path: row for row in files.list_files(checkpoint, State.CHUNKED, excluded=(), limit=9)}
    png = {"format": "PNG"}
    thumb, image = Output(name="thumb", **png), Output(name="image", **png)
    first = files.claim_output_paths(checkpoint, rows_by_path["a"], [thumb, image])
    second = files.claim_output_paths(checkpoint, rows_by_path["a.thumb"], [image])
    assert first == {"thumb": "a.thumb.png", "image": "a.image.png"}
    assert second == {"image": "a.thumb-2.png"}
    assert files.claim_output_paths(checkpoint, rows_by_path["a.thumb"], [image]) == second


def test_excluded_files_are_not_listed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Files in progress do not hide the following ones."""
    listing.add_entries(checkpoint, [make_entry(tmp_path / f"{number}.jpg") for number in range(10)])
    taken = [row.number for row in files.list_files(checkpoint, State.FOUND, excluded={1, 2, 5}, limit=4)]
    assert taken == [3, 4, 6, 7]


def test_checkpoint_is_exclusive(tmp_path: Path) -> None:
    """A second ingest fails, also with ``fresh``."""
    path = tmp_path / "c.sqlite"
    code = (
        "import sys; from pathlib import Path; from safelight.ingest.checkpoint.database import open_checkpoint\n"
        "c = open_checkpoint(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        for fresh in (False, True):
            with pytest.raises(CheckpointUnusable, match="in use"):
                open_checkpoint(path, fresh=fresh)
        other.kill()
    with open_checkpoint(path) as mine:
        assert mine.id


def test_only_committed_changes_survive_a_kill(tmp_path: Path) -> None:
    """An uncommitted change is rolled back."""
    path = tmp_path / "c.sqlite"
    code = (
        "import os, sys; from pathlib import Path; from safelight.ingest.checkpoint.database import open_checkpoint\n"
        "c = open_checkpoint(Path(sys.argv[1])); c.set_fact('a', '1'); c.commit(); c.set_fact('b', '2')\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    with open_checkpoint(path) as left:
        assert (left.get_fact("a"), left.get_fact("b")) == ("1", None)


def test_fresh_discards_the_checkpoint(tmp_path: Path) -> None:
    """The new checkpoint has another ID, so its requests have other keys."""
    path = tmp_path / "c.sqlite"
    with open_checkpoint(path) as first:
        first.set_fact("a", "1")
        first.commit()
        before = first.id
    with open_checkpoint(path, fresh=True) as second:
        assert second.get_fact("a") is None
        assert second.id != before


@pytest.mark.parametrize(
    ("kind", "fresh"), [("text", False), ("text", True), ("database", False), ("database", True), ("version", False)]
)
def test_other_files_are_not_overwritten(tmp_path: Path, kind: str, *, fresh: bool) -> None:
    """Files of other programs and versions are rejected unchanged."""
    path = tmp_path / "c.sqlite"
    if kind == "text":
        path.write_text("precious, " * 1000)
    else:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE precious (x)")
        if kind == "version":
            other.execute("PRAGMA user_version = 99")
            other.execute(f"PRAGMA application_id = {APPLICATION}")
        other.close()
    before = path.read_bytes()
    with pytest.raises(CheckpointUnusable):
        open_checkpoint(path, fresh=fresh)
    # The first page holds the journal's mode too.
    assert path.read_bytes()[100:] == before[100:]


def test_equal_commands_share_a_checkpoint(tmp_path: Path) -> None:
    """Another source, option or API has another checkpoint."""
    identity = {"sources": ["/a"], "options": {"width": 1}, "api": "u"}
    same = default_path(tmp_path, dict(reversed(identity.items())))
    assert default_path(tmp_path, identity) == same
    assert default_path(tmp_path, identity | {"api": "v"}) != same


def test_s3_object_needs_no_upload(checkpoint: Checkpoint) -> None:
    """It is added by name, and its job is sent at once."""
    listing.add_entries(checkpoint, [Entry(source="s3://b/k/a.jpg", relative="k/a.jpg")])
    inspect_all(checkpoint)
    (chunk,) = batches.list_pending_chunks(checkpoint)
    assert chunk.body == b'{"items":[{"source":"s3://b/k/a.jpg","filename":"a.jpg"}]}'
    item = {"index": 0, "job": {"id": "J", "status": "PENDING"}, "upload": None}
    batches.record_chunk_response(
        checkpoint, chunk, AddedMembers.model_validate({"batch": {"id": "B"}, "items": [item]}), now=1.0
    )
    assert rows(checkpoint, "state, job") == [(State.SENT, "J")]


def test_files_inspected_for_a_lost_batch_join_the_next_batch(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A second report that the batch is lost does not reset files of the next batch."""
    (tmp_path / "a").write_bytes(b"a")
    listing.add_entries(checkpoint, [make_entry(tmp_path / "a")])
    batches.open_batch(checkpoint)
    inspected = inspect_files([(1, str(tmp_path / "a"))])
    batches.mark_batch_gone(checkpoint, 1)
    batches.create_chunk(checkpoint, inspected)
    assert rows(checkpoint, "state, batch") == [(State.FOUND, None)]
    batches.open_batch(checkpoint)
    batches.create_chunk(checkpoint, inspected)
    batches.mark_batch_gone(checkpoint, 1)
    assert rows(checkpoint, "state, batch") == [(State.CHUNKED, 2)]


def test_new_folders_are_private(tmp_path: Path) -> None:
    """Other users can read neither the checkpoint nor its folder. A folder that exists keeps its mode."""
    tmp_path.chmod(0o755)
    path = tmp_path / ".safelight" / "ingest" / "checkpoint.db"
    with open_checkpoint(path):
        pass
    modes = [each.stat().st_mode & 0o777 for each in (tmp_path, path.parents[1], path.parent, path)]
    assert modes == [0o755, 0o700, 0o700, 0o600]
