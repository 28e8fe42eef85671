"""The command ``safelight ingest``: output, files and exit codes."""

import csv
import io
import json
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_bulk_api import API_URL, BulkApi, problem
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.rendering.ingest import RateMeter, format_progress, wrap_path
from safelight.cli.wiring import Wiring
from safelight.client import Safelight
from safelight.ingest import Progress
from safelight.ingest import ingest as run_ingest
from safelight.ingest.checkpoint.schema import State
from safelight.transport.timing import Timing

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
        timing = Timing(sleep=fake_time.sleep, monotonic=lambda: fake_time.now, jitter=lambda: 0.0)
        return Safelight(url, transport=httpx.MockTransport(bulk), timing=timing)

    def start_engine(_folder: Path, _report: Callable[[str], None]) -> Any:
        raise AssertionError

    def list_objects(api_url: str, name: str) -> Any:
        assert api_url == API_URL
        yield from (f"{name}{number}.jpg" for number in range(3))

    def verify(document: Any, raw: Any, outputs: Any, assets: Any) -> Any:  # noqa: ARG001 - the names of the protocol
        raise AssertionError

    wiring = Wiring(connect, start_engine, verify, list_objects)

    def run(*arguments: object, **more: Any) -> Result:
        texts = ["ingest", *(str(each) for each in arguments)]
        return CliRunner().invoke(app, texts, obj=wiring, env={"SAFELIGHT_API_URL": API_URL}, **more)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with three images, a text file and an empty file."""
    folder = tmp_path / "photos"
    for name in ("a.png", "deep/a.png", "deep/b.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG + b"raw " + name.encode())
    (folder / "text.png").write_bytes(b"not an image")
    (folder / "void.png").touch()
    return folder


def test_summary_has_counts_and_failures(ingest: Invoke, photos: Path) -> None:
    """Counts go to standard output, failed files to standard error; the exit code is 1."""
    result = ingest("photos", "--out", "out")
    assert result.exit_code == 1, result.output
    counts = dict(line.split("\t") for line in result.stdout.splitlines())
    assert (counts["files"], counts["succeeded"], counts["failed"], counts["jobs"]) == ("5", "3", "2", "4")
    assert (counts["failed NOT_AN_IMAGE"], counts["failed LOCAL_FILE"]) == ("1", "1")
    assert "photos/void.png\tLOCAL_FILE\tphotos/void.png is empty.\n" in result.stderr
    assert (photos.parent / "out" / "deep" / "b.png").read_bytes().startswith(b"image of")


def test_exit_code_is_0_without_failures(ingest: Invoke, photos: Path) -> None:
    """A second run of the same command has nothing to do."""
    for name in ("text.png", "void.png"):
        (photos / name).unlink()
    assert ingest("photos", "--out", "out").exit_code == 0
    again = ingest("photos", "--out", "out")
    assert again.exit_code == 0
    assert "succeeded\t3" in again.stdout


def test_summary_has_the_bytes_of_this_run(ingest: Invoke, photos: Path) -> None:
    """A run that sends nothing shows 0 bytes, although an earlier run sent files."""
    first = json.loads(ingest("photos", "--out", "out", "--json").stdout)
    assert first["bytes"] == sum(path.stat().st_size for path in photos.rglob("*.png"))
    again = ingest("photos", "--out", "out")
    assert "bytes sent\t0 B" in again.stdout.splitlines()
    assert "jobs\t4" in again.stdout.splitlines()


def test_json_and_reports_agree(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """The JSON document, report.json and report.csv."""
    (photos / "duplicate.png").write_bytes((photos / "a.png").read_bytes())
    result = ingest("photos", "--out", "out", "--report", "report", "--name", "Summer", "--json")
    document = json.loads(result.stdout)
    assert (document["complete"], document["files"], document["succeeded"], document["failed"]) == (True, 6, 4, 2)
    assert (document["jobs"], document["same_as_another"]) == (4, 1)
    assert document["batches"] == list(bulk.batches)
    assert {each["code"] for each in document["failed_files"]} == {"NOT_AN_IMAGE", "LOCAL_FILE"}
    report = json.loads(Path("report/report.json").read_text())
    assert {name: document[name] for name in ("files", "failures", "jobs")} == {
        name: report[name] for name in ("files", "failures", "jobs")
    }
    by_name = {Path(each["file"]).relative_to(photos).as_posix(): each for each in report["outcomes"]}
    assert by_name["deep/b.png"]["outcome"] == "succeeded"
    assert by_name["deep/b.png"]["results"] == ["deep/b.png"]
    assert by_name["duplicate.png"]["same_as"] == str(photos / "a.png")
    assert by_name["duplicate.png"]["job"] == by_name["a.png"]["job"]
    rows = list(csv.DictReader(io.StringIO(Path("report/report.csv").read_text())))
    assert [row["file"] for row in rows] == [each["file"] for each in report["outcomes"]]
    assert [row["outcome"] for row in rows] == [each["outcome"] for each in report["outcomes"]]


def test_csv_report_escapes_formulas(ingest: Invoke) -> None:
    """Names are untrusted."""
    Path("=1.png").write_bytes(PNG)
    ingest("=1.png", "--out", "out", "--report", "report")
    (row,) = csv.DictReader(io.StringIO(Path("report/report.csv").read_text()))
    assert row["results"] == "'=1.png"


def test_dry_run_sends_and_stores_nothing(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """It lists every file with what would be done and why."""
    (photos / "notes.txt").touch()
    before = sorted(photos.parent.rglob("*"))
    result = ingest("photos", "--dry-run")
    assert result.exit_code == 1
    rows = {row[1]: (row[0], *row[2:4]) for row in (line.split("\t") for line in result.stdout.splitlines())}
    assert rows == {
        "photos/a.png": ("send", "-", "17"),
        "photos/deep/a.png": ("send", "-", "22"),
        "photos/deep/b.png": ("send", "-", "22"),
        "photos/notes.txt": ("skip", "NO_IMAGE_SUFFIX", "-"),
        "photos/text.png": ("send", "-", "12"),
        "photos/void.png": ("fail", "LOCAL_FILE", "-"),
    }
    assert "4 files to send (73 B), 0 to continue, 1 to skip, 1 would fail." in result.stderr
    document = json.loads(ingest("photos", "--dry-run", "--json").stdout)
    assert {name: document[name] for name in ("send", "continue", "skip", "fail", "bytes")} == {
        "send": 4,
        "continue": 0,
        "skip": 1,
        "fail": 1,
        "bytes": 73,
    }
    assert [each["reason"] for each in document["entries"] if each["action"] == "skip"] == ["NO_IMAGE_SUFFIX"]
    assert not bulk.requests
    assert sorted(photos.parent.rglob("*")) == before


def test_dry_run_shows_what_earlier_runs_have_done(ingest: Invoke, photos: Path) -> None:
    """Files that are done are skipped, changed and refused ones are not."""
    ingest("photos", "--out", "out")
    (photos / "a.png").write_bytes(PNG + b"changed")
    before = sorted(photos.parent.rglob("*"))
    document = json.loads(ingest("photos", "--out", "out", "--dry-run", "--json").stdout)
    assert {Path(each["file"]).relative_to(photos).as_posix(): each["reason"] for each in document["entries"]} == {
        "a.png": None,
        "deep/a.png": "DONE_BEFORE",
        "deep/b.png": "DONE_BEFORE",
        "text.png": "DONE_BEFORE",
        "void.png": "LOCAL_FILE",
    }
    assert sorted(photos.parent.rglob("*")) == before


def test_dry_run_lists_a_bucket_where_the_ingest_would(ingest: Invoke) -> None:
    """The address of the API decides where the bucket is, also if it is in the environment."""
    document = json.loads(ingest("s3://shop/2026/", "--dry-run", "--json").stdout)
    assert [row["file"] for row in document["entries"]] == [f"s3://shop/2026/{number}.jpg" for number in range(3)]


def test_empty_dry_run_is_valid_json(ingest: Invoke) -> None:
    """Without entries."""
    Path("empty").mkdir()
    assert json.loads(ingest("empty", "--dry-run", "--json").stdout)["entries"] == []


def test_s3_objects_are_added_by_name(ingest: Invoke, bulk: BulkApi) -> None:
    """The prefix is listed. Only results are transferred."""
    assert ingest("s3://shop/2026/", "--out", "out").exit_code == 0
    requests = [job["request"] for job in bulk.jobs.values()]
    assert requests == [{"source": f"s3://shop/2026/{number}.jpg", "filename": f"{number}.jpg"} for number in range(3)]
    assert not bulk.received
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "1.png", "2.png"]


def test_names_are_read_from_standard_input(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """As written by find and xargs."""
    result = ingest("-", "--out", "out", input=f"{photos}/a.png\0photos/deep/b.png\0".encode())
    assert result.exit_code == 0, result.output
    assert len(bulk.jobs) == 2
    assert Path("out/photos/deep/b.png").exists()


@pytest.mark.usefixtures("photos")
def test_options_apply_to_the_batch(ingest: Invoke, bulk: BulkApi) -> None:
    """A webhook can be combined with the shorthand."""
    ingest("photos", "--width", "9", "--height", "9", "--fit", "contain", "--enlarge", "--webhook", "shop")
    (batch,) = bulk.batches.values()
    expected = {"width": 9, "height": 9, "fit": "contain", "enlarge": True, "webhook": "shop"}
    assert batch["request"].items() >= expected.items()


@pytest.mark.usefixtures("photos")
def test_fresh_starts_over(ingest: Invoke, bulk: BulkApi) -> None:
    """Every file gets another job."""
    ingest("photos")
    ingest("photos", "--fresh")
    assert len(bulk.jobs) == 8
    assert len(bulk.batches) == 2


@pytest.mark.usefixtures("photos")
def test_stop_shows_the_error_and_what_to_do(ingest: Invoke, bulk: BulkApi) -> None:
    """The exit code is 2."""
    refusal = problem(422, "INVALID_PIPELINE", "The pipeline breaks a rule.")
    bulk.fault = lambda _request: httpx.Response(422, content=refusal.content)
    result = ingest("photos", "--width", "5")
    assert result.exit_code == 2
    assert "The pipeline breaks a rule. (INVALID_PIPELINE)" in result.stderr
    assert "Correct the options and run the command again." in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("photos")
def test_ctrl_c_shows_how_to_resume(ingest: Invoke, bulk: BulkApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command resumes, without an option that would discard the progress."""

    def interrupt(_request: httpx.Request) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["safelight", "ingest", "photos", "--fresh", "--out", "out"])
    bulk.fault = interrupt
    result = ingest("photos", "--out", "out", "--fresh")
    assert result.exit_code == 130
    assert "To resume, run:\n  safelight ingest photos --out out\n" in result.stderr
    bulk.fault = lambda _request: None
    assert "succeeded\t3" in ingest("photos", "--out", "out").stdout
    assert len(bulk.jobs) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give a source"),
        (("photos", "--fit", "round"), "is not one of inside, cover, contain, exact"),
        (("photos", "--format", "bmp"), "is not one of png, jpeg, webp, avif, gif, tiff"),
        (("photos", "--concurrency", "0"), "auto or a number"),
        (("photos", "--concurrency", "many"), "auto or a number"),
        (("photos", "--preset", "web", "--width", "3"), "--preset can't be combined"),
        (("--manifest", "missing.csv"), "can't be read"),
        (("photso",), "photso does not exist. Nothing was sent. Did you mean photos?"),
        (("photos", "nothing/*.jpg"), "No file matches nothing/*.jpg. Nothing was sent."),
        (("photos", "photso", "--dry-run"), "photso does not exist."),
        (("photos", "--out", "photos/a.png"), "photos/a.png can't be written (is not a folder). Nothing was sent."),
        (("photos", "--report", "photos/a.png"), "photos/a.png can't be written"),
        (("photos", "--log-file", "missing/log"), "missing/log can't be written"),
        (("photos", "--max-size", "large"), "is not a size such as"),
        (("photos", "--quiet", "-v"), "--quiet can't be combined with --verbose"),
        (("photos", "--checkpoint", "photos/a.png"), "not a checkpoint"),
    ],
)
def test_invalid_arguments_exit_with_2(
    ingest: Invoke, photos: Path, bulk: BulkApi, arguments: tuple[str, ...], says: str
) -> None:
    """Nothing is sent."""
    assert photos.exists()
    result = ingest(*arguments)
    assert result.exit_code == 2
    assert not bulk.requests
    assert says in " ".join(result.stderr.replace("│", "").split())


def test_ingest_function_reports_progress(bulk: BulkApi, photos: Path, tmp_path: Path) -> None:
    """The last report equals the return value."""
    reports: list[Progress] = []
    with Safelight(API_URL, transport=httpx.MockTransport(bulk)) as client:
        progress = run_ingest(
            client,
            photos,
            checkpoint=tmp_path / "c.sqlite",
            out=tmp_path / "out",
            preset="web",
            on_progress=reports.append,
        )
    assert (progress.succeeded, progress.failed) == (3, 2)
    assert reports[-1] == progress
    assert next(iter(bulk.batches.values()))["request"]["preset"] == "web"


def test_rate_and_time_left() -> None:
    """The time left is unknown until all sources are read."""
    now = iter([0.0, 1.0, 2.0])
    rate = RateMeter(lambda: next(now))
    for done in (0, 10, 20):
        rate.record(done, done * 300_000)
    assert [rate.per_second, rate.bytes_per_second] == pytest.approx([10, 3_000_000])
    states = {State.COMPLETED: 20, State.SENT: 100}
    assert rate.format_time_left(Progress(states, scanned=True)) == "0:00:10"
    assert rate.format_time_left(Progress(states)) == "-"
    assert format_progress(Progress(states, scanned=True), rate) == (
        "20/120  16 %  10.0 images/s  3.0 MB/s  ETA 0:00:10  0 failed"
    )
    assert format_progress(Progress(states), rate) == "20/120+  - %  10.0 images/s  3.0 MB/s  ETA -  0 failed"


def test_time_left_is_unknown_while_nothing_is_processed() -> None:
    """It would grow without limit, because the rate sinks to almost nothing."""
    now = iter(map(float, count()))
    rate = RateMeter(lambda: next(now))
    states = {State.COMPLETED: 20, State.SENT: 1}
    for done in (*range(20), *[20] * 60):
        rate.record(done)
    assert rate.format_time_left(Progress(states, scanned=True)) != "-"
    rate.record(20)
    rate.record(20)
    assert rate.format_time_left(Progress(states, scanned=True)) == "-"
    rate.record(21)
    assert rate.format_time_left(Progress(states, scanned=True)) != "-"


@given(
    counts=st.lists(st.integers(0, 10**7), min_size=3, max_size=3),
    rates=st.tuples(st.floats(0, 1e5), st.floats(0, 1e11)),
    width=st.integers(20, 200),
)
def test_progress_fits_the_terminal(counts: list[int], rates: tuple[float, float], width: int) -> None:
    """Whatever the numbers are. In 80 columns, the failed files are always shown."""
    rate = RateMeter()
    rate.per_second, rate.bytes_per_second = rates
    progress = Progress(dict(zip((State.COMPLETED, State.SENT, State.FAILED), counts, strict=True)), scanned=True)
    assert len(format_progress(progress, rate, width)) <= width
    assert f"{counts[2]:,} failed" in format_progress(progress, rate)


@given(st.text(st.sampled_from("ab/"), min_size=1, max_size=200))
def test_paths_are_broken_only_after_a_slash(path: str) -> None:
    """The lines together are the path."""
    lines = wrap_path(path, 20)
    assert "".join(line.removeprefix("  ") if index else line for index, line in enumerate(lines)) == path
    assert all(line.endswith("/") for line in lines[:-1])
    assert all(len(line) <= 20 or "/" not in line.rstrip("/") for line in lines)


def test_empty_folder_succeeds(ingest: Invoke, bulk: BulkApi) -> None:
    """No request is sent."""
    Path("empty").mkdir()
    result = ingest("empty")
    assert result.exit_code == 0
    assert "files\t0" in result.stdout
    assert not bulk.requests


def test_empty_standard_input_succeeds(ingest: Invoke) -> None:
    """As when find finds nothing."""
    assert ingest("-", input=io.BytesIO(b"").read()).exit_code == 0
