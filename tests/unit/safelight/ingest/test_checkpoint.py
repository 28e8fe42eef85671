"""The checkpoint: what was written is there after any end, and nothing of it is made twice."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.ingest.checkpoint import chunks, listing
from safelight.ingest.checkpoint import files as steps
from safelight.ingest.checkpoint.database import Checkpoint, CheckpointUnusable, default_path, opened
from safelight.ingest.checkpoint.schema import APPLICATION, State
from safelight.ingest.entries import Found, Misfit
from safelight.ingest.inspection import Prepared, Refusal, prepare_all
from safelight.models import Added, Job, Output


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    """A new checkpoint."""
    with opened(tmp_path / "state" / "checkpoint.sqlite") as new:
        yield new


def found(path: Path, relative: str | None = None, **more: object) -> Found:
    """Name a file."""
    return Found(source=str(path), relative=relative or path.name, **more)  # type: ignore[arg-type] # a test's own


def rows(checkpoint: Checkpoint, columns: str) -> list[tuple[object, ...]]:
    """Read columns of all files in their order."""
    return checkpoint.database.execute(f"SELECT {columns} FROM files ORDER BY number").fetchall()  # noqa: S608


def add_files(checkpoint: Checkpoint, folder: Path, **contents: bytes) -> None:
    """Make files, name them, and fix what is to be sent of them."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        listing.add(checkpoint, [found(folder / name)])
    fix_all(checkpoint)


def fix_all(checkpoint: Checkpoint) -> None:
    """Look at all files that were found, and fix them as members."""
    new = steps.waiting(checkpoint, State.FOUND, held=(), most=100)
    checkpoint.database.execute("INSERT OR IGNORE INTO batches VALUES (1, 'B', 0)")
    chunks.fix(checkpoint, prepare_all([(row.number, row.source) for row in new]))


def answer(checkpoint: Checkpoint, **errors: Any) -> None:
    """Answer the oldest chunk: a job for each member, or the error for one."""
    (chunk, *_) = chunks.unanswered(checkpoint)
    places = [row[0] for row in rows(checkpoint, "place") if row[0] is not None]
    items = [
        {"index": place, "error": errors[f"m{place}"]}
        if f"m{place}" in errors
        else {
            "index": place,
            "job": {"id": f"JOB{chunk.number}-{place}", "status": "AWAITING_UPLOAD"},
            "upload": {"url": "http://store.test/", "fields": {"key": "k"}},
        }
        for place in places
    ]
    added = Added.model_validate({"batch": {"id": "B"}, "items": items})
    chunks.answered(checkpoint, chunk, added, now=1.0)


def ended(job_id: str, **more: object) -> Job:
    """Make a job that completed, unless told otherwise."""
    output = {"name": "image", "format": "PNG", "digest": "d", "size": 1}
    facts = {"id": job_id, "status": "COMPLETED", "done": True, "result": {"outputs": [output]}}
    return Job.model_validate(facts | more)


def test_a_file_is_written_once_however_often_it_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Sources are read again by every run; other options or another name make another entry."""
    path = tmp_path / "a.jpg"
    entries = [found(path), found(path, options={"width": 1}), found(path, filename="b.jpg")]
    for _ in range(3):
        listing.add(checkpoint, [*entries, Misfit(where="list.csv:3", code="MANIFEST_ROW", message="m")])
    assert [row[0] for row in rows(checkpoint, "target")] == ["a", "a-2", "a-3", None]


def test_targets_do_not_collide(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Neither by suffix nor by case, and however many there are of one name."""
    names = ["a.jpg", "a.png", "A.gif", "a-2.jpg", *(f"a.{number:03}" for number in range(20))]
    listing.add(checkpoint, [found(tmp_path / name) for name in names])
    targets = [str(row[0]) for row in rows(checkpoint, "target")]
    assert targets[:4] == ["a", "a-2", "A-3", "a-2-2"]
    assert len({each.casefold() for each in targets}) == len(names)


def test_undecodable_names_are_kept(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A name need not be text."""
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(b"x")
    listing.add(checkpoint, [found(tmp_path / name)])
    fix_all(checkpoint)
    (row,) = steps.waiting(checkpoint, State.CHUNKED, held=(), most=9)
    assert row.source == str(tmp_path / name)
    assert b"caf?.jpg" in chunks.unanswered(checkpoint)[0].body


def test_a_chunk_is_the_same_after_a_new_start(tmp_path: Path) -> None:
    """What may have been sent is sent again byte for byte under the same number, whatever the files are by then."""
    path = tmp_path / "c.sqlite"
    with opened(path) as first:
        add_files(first, tmp_path, a=b"1", b=b"2")
        first.commit()
        sent, key = chunks.unanswered(first), first.id
    (tmp_path / "a").write_bytes(b"changed")
    with opened(path) as second:
        listing.begin(second, None)
        listing.add(second, [found(tmp_path / "a")])
        assert chunks.unanswered(second) == sent
        assert second.id == key


def test_equal_bytes_are_sent_once(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The second shares the first's job and its end, whether it is found before that or after."""
    add_files(checkpoint, tmp_path, a=b"same", b=b"same", c=b"other")
    answer(checkpoint)
    assert [row[0] for row in rows(checkpoint, "state")] == [State.MEMBER, State.TWIN, State.MEMBER]
    steps.note_ended(checkpoint, 1, ended("JOB1-0"))
    add_files(checkpoint, tmp_path, d=b"same")
    assert chunks.unanswered(checkpoint) == []
    assert rows(checkpoint, "state, job")[:2] == [(State.COMPLETED, "JOB1-0")] * 2
    assert rows(checkpoint, "state, job")[3] == (State.COMPLETED, "JOB1-0")


def test_equal_bytes_with_other_options_are_two_jobs(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The result is another one."""
    (tmp_path / "a").write_bytes(b"same")
    listing.add(checkpoint, [found(tmp_path / "a"), found(tmp_path / "a", options={"width": 1})])
    fix_all(checkpoint)
    assert [row[0] for row in rows(checkpoint, "state")] == [State.CHUNKED] * 2


def test_the_twin_of_a_refused_file_goes_its_own_way(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Its bytes are as good, so it is not refused along."""
    add_files(checkpoint, tmp_path, a=b"same", b=b"same")
    answer(checkpoint)
    steps.refuse(checkpoint, Refusal(1, "FILE_CHANGED", "m"))
    fix_all(checkpoint)
    assert rows(checkpoint, "state, code") == [(State.REFUSED, "FILE_CHANGED"), (State.CHUNKED, None)]


def test_a_member_that_is_refused_spoils_no_other(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """One error that passes is asked for again in another request; one that stays is an outcome."""
    add_files(checkpoint, tmp_path, a=b"1", b=b"2", c=b"3")
    bad = {"code": "INVALID_PIPELINE", "detail": "Wrong.", "errors": [{"pointer": "/width", "detail": "too small"}]}
    answer(checkpoint, m0=bad, m1={"code": "THROTTLED", "retriable": True})
    assert rows(checkpoint, "state, code, message") == [
        (State.REFUSED, "INVALID_PIPELINE", "Wrong. /width: too small."),
        (State.FOUND, None, None),
        (State.MEMBER, None, None),
    ]
    for _ in range(4):
        fix_all(checkpoint)
        answer(checkpoint, m0={"code": "THROTTLED", "retriable": True})
    assert rows(checkpoint, "state, code")[1] == (State.REFUSED, "THROTTLED")


def test_files_that_cannot_be_sent_refuse_themselves_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Missing, empty, folders, pipes: each is an outcome, and none holds anything up."""
    (tmp_path / "good").write_bytes(b"1")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    names = ["missing", "empty", "folder", "pipe", "good"]
    listing.add(checkpoint, [found(tmp_path / name) for name in names])
    fix_all(checkpoint)
    states = [row[0] for row in rows(checkpoint, "state")]
    assert states == [State.REFUSED] * 4 + [State.CHUNKED]
    assert {row[0] for row in rows(checkpoint, "code")[:4]} == {"LOCAL_FILE"}


def test_a_file_that_changed_since_it_was_sent_is_new(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The next run sends it again; one that did not change stays as it is."""
    add_files(checkpoint, tmp_path, a=b"1", b=b"2")
    answer(checkpoint)
    steps.note_ended(checkpoint, 1, ended("JOB1-0"))
    steps.note_ended(checkpoint, 2, ended("JOB1-1"))
    (tmp_path / "a").write_bytes(b"longer")
    listing.add(checkpoint, [found(tmp_path / "a"), found(tmp_path / "b")])
    assert rows(checkpoint, "state, job") == [(State.FOUND, None), (State.COMPLETED, "JOB1-1")]


def test_a_new_run_tries_again_what_was_refused_here(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """And forgets what no longer stands in a manifest; results for another folder are fetched again."""
    listing.begin(checkpoint, "/out")
    add_files(checkpoint, tmp_path, a=b"1", b=b"")
    answer(checkpoint)
    listing.add(checkpoint, [Misfit(where="list.csv:3", code="MANIFEST_ROW", message="m")])
    steps.note_ended(checkpoint, 1, ended("JOB1-0"))
    steps.note_saved(checkpoint, 1, ["a.png"])
    listing.begin(checkpoint, "/out")
    assert [row[0] for row in rows(checkpoint, "state")] == [State.SAVED, State.FOUND]
    listing.begin(checkpoint, "/elsewhere")
    assert [row[0] for row in rows(checkpoint, "state")] == [State.COMPLETED, State.FOUND]


def test_no_result_overwrites_another_files(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Outputs of one file and of another can meet in a name: the later one gets its file's number."""
    add_files(checkpoint, tmp_path, **{"a.x": b"1", "a.thumb.x": b"2"})
    rows_by_name = {row.target: row for row in steps.waiting(checkpoint, State.CHUNKED, held=(), most=9)}
    png = {"format": "PNG"}
    thumb, image = Output(name="thumb", **png), Output(name="image", **png)
    first = steps.places(checkpoint, rows_by_name["a"], [thumb, image])
    second = steps.places(checkpoint, rows_by_name["a.thumb"], [image])
    assert first == {"thumb": "a.thumb.png", "image": "a.image.png"}
    assert second == {"image": "a.thumb-2.png"}
    assert steps.places(checkpoint, rows_by_name["a.thumb"], [image]) == second


def test_held_files_are_not_given_twice(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """What is under way is not begun again, and what follows it is."""
    listing.add(checkpoint, [found(tmp_path / f"{number}.jpg") for number in range(10)])
    taken = [row.number for row in steps.waiting(checkpoint, State.FOUND, held={1, 2, 5}, most=4)]
    assert taken == [3, 4, 6, 7]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second ingest with the same checkpoint is told so, even when it wants to begin anew."""
    path = tmp_path / "c.sqlite"
    code = (
        "import sys; from pathlib import Path; from safelight.ingest.checkpoint.database import opened\n"
        "c = opened(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        for fresh in (False, True):
            with pytest.raises(CheckpointUnusable, match="in use"):
                opened(path, fresh=fresh)
        other.kill()
    with opened(path) as mine:
        assert mine.id


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """And what was not is not there."""
    path = tmp_path / "c.sqlite"
    code = (
        "import os, sys; from pathlib import Path; from safelight.ingest.checkpoint.database import opened\n"
        "c = opened(Path(sys.argv[1])); c.note('a', '1'); c.commit(); c.note('b', '2'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    with opened(path) as left:
        assert (left.fact("a"), left.fact("b")) == ("1", None)


def test_fresh_forgets(tmp_path: Path) -> None:
    """A new beginning has an identity of its own, so its requests are new ones."""
    path = tmp_path / "c.sqlite"
    with opened(path) as first:
        first.note("a", "1")
        first.commit()
        before = first.id
    with opened(path, fresh=True) as second:
        assert second.fact("a") is None
        assert second.id != before


@pytest.mark.parametrize(
    ("kind", "fresh"), [("text", False), ("text", True), ("database", False), ("database", True), ("version", False)]
)
def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path, kind: str, *, fresh: bool) -> None:
    """Nothing of another program is written over."""
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
        opened(path, fresh=fresh)
    # The first page holds the journal's mode too.
    assert path.read_bytes()[100:] == before[100:]


def test_the_same_command_has_the_same_checkpoint(tmp_path: Path) -> None:
    """Another source, option or API has another."""
    asked = {"sources": ["/a"], "options": {"width": 1}, "api": "u"}
    same = default_path(tmp_path, dict(reversed(asked.items())))
    assert default_path(tmp_path, asked) == same
    assert default_path(tmp_path, asked | {"api": "v"}) != same


def test_an_object_in_s3_needs_no_bytes(checkpoint: Checkpoint) -> None:
    """It becomes a member by its name, and its job goes on by itself."""
    listing.add(checkpoint, [Found(source="s3://b/k/a.jpg", relative="k/a.jpg")])
    fix_all(checkpoint)
    (chunk,) = chunks.unanswered(checkpoint)
    assert chunk.body == b'{"items":[{"source":"s3://b/k/a.jpg","filename":"a.jpg"}]}'
    item = {"index": 0, "job": {"id": "J", "status": "PENDING"}, "upload": None}
    chunks.answered(checkpoint, chunk, Added.model_validate({"batch": {"id": "B"}, "items": [item]}), now=1.0)
    assert rows(checkpoint, "state, job") == [(State.SENT, "J")]


def test_prepared_facts_are_those_of_the_file(tmp_path: Path) -> None:
    """Size, type and SHA-256 of what lies there."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    (prepared,) = prepare_all([(7, str(path))])
    assert isinstance(prepared, Prepared)
    assert (prepared.number, prepared.size, prepared.media_type) == (7, 3, "image/jpeg")
    assert prepared.digest == hashlib.sha256(b"\xff\xd8\xff").hexdigest()
