"""Several runs of ``safelight ingest``: their state, their summaries and the output about single files."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from support.fake_bulk_api import API_URL, BulkApi
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.old_state import find_moved, move_old_files
from safelight.client import Safelight

PNG = b"\x89PNG\r\n\x1a\n"
Invoke = Callable[..., Result]


@pytest.fixture
def bulk() -> BulkApi:
    """Return an API without jobs."""
    return BulkApi()


@pytest.fixture
def ingest(bulk: BulkApi, fake_time: Any) -> Invoke:
    """Return a function that runs ``safelight ingest``."""

    def connect(url: str) -> Safelight:
        return Safelight(url, transport=httpx.MockTransport(bulk), timing=fake_time.timing())

    wiring: Any = SimpleNamespace(connect=connect, list_objects=None)

    def run(*arguments: object, **more: Any) -> Result:
        texts = ["ingest", *(str(each) for each in arguments)]
        environment = {"SAFELIGHT_API_URL": API_URL}
        return CliRunner().invoke(app, texts, obj=wiring, env=environment, **more)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with three images and a note."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.png", "deep/c.png"):
        (folder / name).write_bytes(PNG + name.encode())
    (folder / "notes.txt").touch()
    return folder


def counts_of(result: Result) -> dict[str, str]:
    """Return the summary of a run."""
    assert result.exit_code in {0, 1}, result.output
    return dict(line.split("\t") for line in result.stdout.splitlines())


def test_same_folder_is_not_sent_again_from_another_folder(
    ingest: Invoke, photos: Path, bulk: BulkApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given as a relative path, an absolute path, or the current folder."""
    assert counts_of(ingest("photos"))["sent now"] == "3"
    (photos.parent / "elsewhere").mkdir()
    monkeypatch.chdir(photos.parent / "elsewhere")
    for source in ("../photos", photos, f"{photos}/", "../photos/deep/.."):
        counts = counts_of(ingest(source))
        assert (counts["sent now"], counts["done before"], counts["bytes sent"]) == ("0", "3", "0 B")
    monkeypatch.chdir(photos)
    assert counts_of(ingest("."))["sent now"] == "0"
    assert len(bulk.jobs) == 3
    assert not list((photos.parent / "elsewhere").iterdir())


def test_results_are_not_downloaded_again_for_another_name_of_the_output_folder(
    ingest: Invoke, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given as a relative path, with "..", as an absolute path, or from the parent folder."""
    assert counts_of(ingest("photos", "--out", "results"))["succeeded"] == "3"
    (photos.parent / "elsewhere").mkdir()
    monkeypatch.chdir(photos.parent / "elsewhere")
    for out in ("../results", photos.parent / "results", "../photos/../results/"):
        assert counts_of(ingest("../photos", "--out", out))["done before"] == "3"


def test_output_folder_is_skipped_by_any_name(ingest: Invoke, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results below a source are not ingested."""
    monkeypatch.chdir(photos / "deep")
    for _ in range(2):
        counts = counts_of(ingest("..", "--out", "../deep/../results"))
        assert (counts["files"], counts["skipped"]) == ("3", "2")


def test_names_on_standard_input_belong_to_the_current_folder(
    ingest: Invoke, photos: Path, bulk: BulkApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same names in another folder are other files."""
    (photos / "deep/a.png").write_bytes(PNG + b"another")
    for folder in (photos, photos / "deep"):
        monkeypatch.chdir(folder)
        assert counts_of(ingest("-", input=b"a.png\n"))["sent now"] == "1"
    assert len(bulk.jobs) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_current_folder_can_be_read_only(ingest: Invoke, photos: Path) -> None:
    """The state is in the user's state directory."""
    photos.parent.joinpath("state-home").mkdir()
    photos.parent.chmod(0o500)
    try:
        assert counts_of(ingest("photos"))["sent now"] == "3"
    finally:
        photos.parent.chmod(0o700)


def test_current_folder_stays_empty(ingest: Invoke, photos: Path, tmp_path: Path) -> None:
    """No run writes to it."""
    assert photos.exists()
    ingest("photos")
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "state-home"}
    assert [path.name for path in (tmp_path / "state-home").iterdir()] == ["safelight"]


def test_state_of_earlier_versions_is_moved(
    ingest: Invoke, photos: Path, bulk: BulkApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was below the current folder. The files are not sent again, also not from another folder."""
    ingest("photos")
    (tmp_path / ".safelight").mkdir()
    (tmp_path / "state-home/safelight/ingest").rename(tmp_path / ".safelight/ingest")
    assert "DONE_BEFORE" in ingest("photos", "--dry-run").stdout
    assert counts_of(ingest("photos"))["done before"] == "3"
    assert not list((tmp_path / ".safelight/ingest").iterdir())
    monkeypatch.chdir(photos)
    assert counts_of(ingest("."))["done before"] == "3"
    assert len(bulk.jobs) == 3


def test_old_state_is_used_where_it_is_if_it_cannot_be_moved(
    ingest: Invoke, photos: Path, bulk: BulkApi, tmp_path: Path
) -> None:
    """For example because a file has the name of the folder."""
    assert photos.exists()
    ingest("photos")
    (tmp_path / ".safelight").mkdir()
    (tmp_path / "state-home/safelight/ingest").rename(tmp_path / ".safelight/ingest")
    (tmp_path / "state-home/safelight/ingest").touch()
    assert counts_of(ingest("photos"))["done before"] == "3"
    assert len(bulk.jobs) == 3


def test_state_is_moved_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a copy that gets its name when it is complete."""
    old, new = tmp_path / "old/a/file", tmp_path / "new/b/file"
    old.parent.mkdir(parents=True)
    old.write_text("state")
    rename = Path.rename

    def fail_across(self: Path, target: Path) -> Path:
        if self.parent.parent != target.parent.parent and self.parent != target.parent:
            raise OSError(18, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_across)
    assert find_moved(new, (old,)) == new
    assert new.read_text() == "state"
    assert not old.parent.exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["b"]


def test_old_uploads_are_moved_but_replace_nothing(tmp_path: Path) -> None:
    """A file with the same name is newer."""
    for name, text in (("old/1", "a"), ("old/2", "a"), ("new/2", "b")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    move_old_files(tmp_path / "old", tmp_path / "new")
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {"1": "a", "2": "b"}


def test_summary_is_about_this_run(ingest: Invoke, photos: Path) -> None:
    """Files that changed are sent again, and files without an image suffix are counted with the reason."""
    first = counts_of(ingest("photos"))
    (photos / "b.png").write_bytes(PNG + b"changed")
    (photos / "new.png").write_bytes(PNG + b"not an image")
    second = counts_of(ingest("photos"))
    shown = ("files", "sent now", "done before", "skipped", "skipped NO_IMAGE_SUFFIX", "succeeded", "failed")
    assert [first[name] for name in shown] == ["3", "3", "0", "1", "1", "3", "0"]
    assert [second[name] for name in shown] == ["4", "2", "2", "1", "1", "3", "1"]
    assert (second["failed NOT_AN_IMAGE"], second["bytes sent"]) == ("1", "35 B")
    assert second["time"].count(":") == 2


def test_files_that_were_sent_before_are_counted(ingest: Invoke, photos: Path) -> None:
    """The first run ended without downloads. The second only downloads, and the third does nothing."""
    assert photos.exists()
    ingest("photos")
    second, third = (counts_of(ingest("photos", "--out", "results")) for _ in range(2))
    assert [second[name] for name in ("sent now", "done before", "continued", "succeeded")] == ["0", "0", "3", "3"]
    assert (third["done before"], third.get("continued")) == ("3", None)


def test_files_that_cannot_be_read_make_no_batch(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """Each run tries them again. The first run has a batch for the other files."""
    (photos / "void.png").touch()
    runs = [json.loads(ingest("photos", "--json").stdout) for _ in range(3)]
    assert [(run["failures"], run["complete"]) for run in runs] == [({"LOCAL_FILE": 1}, True)] * 3
    assert [len(run["batches"]) for run in runs] == [1, 1, 1]
    assert len(bulk.batches) == 1


def test_filters_select_files(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """Names, paths, folders and sizes. Each reason is counted."""
    (photos / "large.png").write_bytes(PNG + bytes(2000))
    (photos / "scan.dat").write_bytes(PNG)
    (photos / "raw").mkdir()
    (photos / "raw/x.png").write_bytes(PNG + b"raw")
    more = ("--include", "*.png", "--include", "*.dat", "--exclude", "b.*", "--exclude", "raw/", "--max-size", "1KB")
    document = json.loads(ingest("photos", *more, "--json").stdout)
    assert document["skipped"] == {"EXCLUDED": 2, "NOT_INCLUDED": 1, "TOO_LARGE": 1}
    assert {job["filename"] for job in bulk.jobs.values()} == {"a.png", "c.png", "scan.dat"}


def test_pattern_with_a_slash_is_compared_with_the_path(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """Below the source."""
    assert photos.exists()
    ingest("photos", "--exclude", "deep/*.png")
    assert {job["filename"] for job in bulk.jobs.values()} == {"a.png", "b.png"}


def test_old_name_of_include_is_accepted(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """--pattern."""
    assert photos.exists()
    ingest("photos", "--pattern", "a.*")
    assert {job["filename"] for job in bulk.jobs.values()} == {"a.png"}


def test_quiet_prints_only_failed_files(ingest: Invoke, photos: Path) -> None:
    """Nothing at all if no file failed."""
    result = ingest("photos", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    (photos / "void.png").touch()
    result = ingest("photos", "-q")
    assert result.exit_code == 1
    assert result.output == "photos/void.png\tLOCAL_FILE\tphotos/void.png is empty.\n"


def test_verbose_and_log_file_have_a_line_per_file(ingest: Invoke, photos: Path) -> None:
    """The log has the time in addition, and later runs add to it."""
    (photos / "same.png").write_bytes((photos / "a.png").read_bytes())
    (photos / "void.png").touch()
    result = ingest("photos", "--out", "out", "-v", "--log-file", "ingest.log")
    rows = [line.split("\t") for line in result.stderr.splitlines() if line.count("\t") == 4]
    events = {(row[0], row[1]) for row in rows}
    names = ("a.png", "b.png", "deep/c.png", "same.png")
    assert {("saved", f"photos/{name}") for name in names} <= events
    assert {("sent", f"photos/{name}") for name in names[:3]} <= events
    assert ["skipped", "photos/notes.txt", "-", "NO_IMAGE_SUFFIX", "-"] in rows
    assert ["failed", "photos/void.png", "-", "LOCAL_FILE", "photos/void.png is empty."] in rows
    logged = [line.split("\t") for line in Path("ingest.log").read_text().splitlines()]
    assert [row[1:] for row in logged] == rows
    assert all(row[0].endswith("Z") and row[0][:2] == "20" for row in logged)
    (photos / "void.png").unlink()
    ingest("photos", "--out", "out", "--log-file", "ingest.log")
    assert len(Path("ingest.log").read_text().splitlines()) == len(logged) + 1


def test_deleted_file_does_not_fail_again(ingest: Invoke, photos: Path) -> None:
    """A file that could not be read is forgotten when it is deleted."""
    (photos / "void.png").touch()
    assert ingest("photos").exit_code == 1
    (photos / "void.png").unlink()
    result = ingest("photos")
    assert (result.exit_code, counts_of(result)["files"]) == (0, "3")


def test_dry_run_reads_the_state_of_a_run_that_was_killed(ingest: Invoke, photos: Path, tmp_path: Path) -> None:
    """SQLite has left a second file."""
    assert photos.exists()
    ingest("photos", "--checkpoint", "c.sqlite")
    database = sqlite3.connect("c.sqlite")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("UPDATE files SET state = 3 WHERE number = 1")
    database.commit()
    for name in ("c.sqlite", "c.sqlite-wal"):
        shutil.copy(name, tmp_path / f"killed{name[1:]}")
    database.close()
    lines = ingest("photos", "--checkpoint", "killed.sqlite", "--dry-run").stdout.splitlines()
    assert [line.split("\t")[:3] for line in lines][:2] == [
        ["continue", "photos/a.png", "SENT_BEFORE"],
        ["skip", "photos/b.png", "DONE_BEFORE"],
    ]


def test_several_sources_keep_their_folder_names(ingest: Invoke, tmp_path: Path) -> None:
    """Folders with the same name keep their parents, too. A single source does not need its name."""
    for name in ("x/photos/a.png", "y/photos/a.png", "scans/b.png", "c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG + name.encode())
    assert ingest("x/photos", "y/photos/", "scans/*.png", "c.png", "--out", "out").exit_code == 0
    assert {path.relative_to("out").as_posix() for path in Path("out").rglob("*.png")} == {
        *("x/photos/a.png", "y/photos/a.png", "scans/b.png", "c.png"),
    }
    ingest("x/photos", "--out", "one")
    assert Path("one/a.png").exists()


def test_heic_and_other_suffixes_are_treated_alike(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """Image suffixes are found in any case. Other files are skipped in a folder, and sent if they are named."""
    for name in ("1.heic", "2.HEIC", "3.heif", "4.JPE"):
        (photos / name).write_bytes(b"\0\0\0\x18ftypheic" + name.encode())
    (photos / "5.xyz").write_bytes(b"\0\0\0\x18ftypheic5")
    counts = counts_of(ingest("photos"))
    assert (counts["sent now"], counts["skipped NO_IMAGE_SUFFIX"]) == ("7", "2")
    ingest("photos/5.xyz")
    assert bulk.jobs["JOB000007"]["request"]["content_type"] == "image/heic"
