"""``safelight ingest``: what it prints, what it leaves behind, how it ends."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fake_bulk_api import API_URL, BulkApi, problem
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.rendering.ingest import Speed
from safelight.cli.wiring import Wiring
from safelight.client import Safelight
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.progress import Tally
from safelight.transport.timing import Timing

PNG = b"\x89PNG\r\n\x1a\n"
Invoke = Callable[..., Result]


@pytest.fixture
def bulk() -> BulkApi:
    """An API to ingest into."""
    return BulkApi()


@pytest.fixture
def ingest(bulk: BulkApi, fake_time: Any) -> Invoke:
    """Run ``safelight ingest`` with arguments, in an empty folder."""

    def connect(url: str) -> Safelight:
        timing = Timing(sleep=fake_time.sleep, monotonic=lambda: fake_time.now, jitter=lambda: 0.0)
        return Safelight(url, transport=httpx.MockTransport(bulk), timing=timing)

    def start_engine(_folder: Path, _report: Callable[[str], None]) -> Any:
        raise AssertionError

    def list_objects(_api_url: str, name: str) -> Any:
        yield from (f"{name}{number}.jpg" for number in range(3))

    def verify(document: Any, raw: Any, outputs: Any, assets: Any) -> Any:  # noqa: ARG001 - the port's own names
        raise AssertionError

    wiring = Wiring(connect, start_engine, verify, list_objects)

    def run(*arguments: object, **more: Any) -> Result:
        texts = ["ingest", *(str(each) for each in arguments)]
        return CliRunner().invoke(app, texts, obj=wiring, env={"SAFELIGHT_API_URL": API_URL}, **more)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images in folders, one that is none, one that is empty."""
    folder = tmp_path / "photos"
    for name in ("a.png", "deep/a.png", "deep/b.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG + b"raw " + name.encode())
    (folder / "text.png").write_bytes(b"no picture")
    (folder / "void.png").touch()
    return folder


def test_it_says_how_it_went(ingest: Invoke, photos: Path) -> None:
    """Counts on standard output, failures as sentences on standard error, the exit code says that some failed."""
    result = ingest("photos", "--out", "out")
    assert result.exit_code == 1, result.output
    counts = dict(line.split("\t") for line in result.stdout.splitlines())
    assert (counts["files"], counts["succeeded"], counts["failed"], counts["jobs"]) == ("5", "3", "2", "4")
    assert (counts["NOT_AN_IMAGE"], counts["LOCAL_FILE"]) == ("1", "1")
    assert f"{photos / 'void.png'}\tLOCAL_FILE\t" in result.stderr
    assert (photos.parent / "out" / "deep" / "b.png").read_bytes().startswith(b"image of")


def test_all_well_is_exit_code_0(ingest: Invoke, photos: Path) -> None:
    """And a second run of the same command has nothing to do."""
    for name in ("text.png", "void.png"):
        (photos / name).unlink()
    assert ingest("photos", "--out", "out").exit_code == 0
    again = ingest("photos", "--out", "out")
    assert again.exit_code == 0
    assert "succeeded\t3" in again.stdout


def test_json_and_the_reports_agree(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """One document for machines; beside it every file's outcome as JSON and as CSV."""
    (photos / "twin.png").write_bytes((photos / "a.png").read_bytes())
    result = ingest("photos", "--out", "out", "--report", "told", "--name", "Summer", "--json")
    document = json.loads(result.stdout)
    assert (document["complete"], document["files"], document["succeeded"], document["failed"]) == (True, 6, 4, 2)
    assert (document["jobs"], document["same_as_another"]) == (4, 1)
    assert document["batches"] == list(bulk.batches)
    assert {each["code"] for each in document["failed_files"]} == {"NOT_AN_IMAGE", "LOCAL_FILE"}
    report = json.loads(Path("told/report.json").read_text())
    assert {name: document[name] for name in ("files", "failures", "jobs")} == {
        name: report[name] for name in ("files", "failures", "jobs")
    }
    by_name = {Path(each["file"]).relative_to(photos).as_posix(): each for each in report["outcomes"]}
    assert by_name["deep/b.png"]["outcome"] == "succeeded"
    assert by_name["deep/b.png"]["results"] == ["deep/b.png"]
    assert by_name["twin.png"]["same_as"] == str(photos / "a.png")
    assert by_name["twin.png"]["job"] == by_name["a.png"]["job"]
    rows = list(csv.DictReader(io.StringIO(Path("told/report.csv").read_text())))
    assert [row["file"] for row in rows] == [each["file"] for each in report["outcomes"]]
    assert [row["outcome"] for row in rows] == [each["outcome"] for each in report["outcomes"]]


def test_a_spreadsheet_takes_no_name_for_a_formula(ingest: Invoke) -> None:
    """Names come from strangers."""
    Path("=1.png").write_bytes(PNG)
    ingest("=1.png", "--out", "out", "--report", "told")
    (row,) = csv.DictReader(io.StringIO(Path("told/report.csv").read_text()))
    assert row["results"] == "'=1.png"


def test_dry_run_sends_and_keeps_nothing(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """It names what would be sent, and what can't be."""
    before = sorted(photos.parent.rglob("*"))
    result = ingest("photos", "missing.png", "--dry-run")
    assert result.exit_code == 1
    assert str(photos / "deep/b.png") in result.stdout
    assert "missing.png\tLOCAL_FILE" in result.stderr
    assert "5 files" in result.stderr
    document = json.loads(ingest("photos", "--dry-run", "--json").stdout)
    assert (document["files"], document["failed_files"]) == (5, [])
    assert not bulk.requests
    assert sorted(photos.parent.rglob("*")) == before


def test_objects_in_s3_are_members_by_name(ingest: Invoke, bulk: BulkApi) -> None:
    """A prefix is listed, no bytes go through this machine but the results."""
    assert ingest("s3://shop/2026/", "--out", "out").exit_code == 0
    asked = [job["asked"] for job in bulk.jobs.values()]
    assert asked == [{"source": f"s3://shop/2026/{number}.jpg", "filename": f"{number}.jpg"} for number in range(3)]
    assert not bulk.received
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "1.png", "2.png"]


def test_names_come_from_standard_input(ingest: Invoke, photos: Path, bulk: BulkApi) -> None:
    """As find and xargs write them."""
    result = ingest("-", "--out", "out", input=f"{photos}/a.png\0photos/deep/b.png\0".encode())
    assert result.exit_code == 0, result.output
    assert len(bulk.jobs) == 2
    assert Path("out/photos/deep/b.png").exists()


@pytest.mark.usefixtures("photos")
def test_fresh_begins_anew(ingest: Invoke, bulk: BulkApi) -> None:
    """Every file has another job then."""
    ingest("photos")
    ingest("photos", "--fresh")
    assert len(bulk.jobs) == 8
    assert len(bulk.batches) == 2


@pytest.mark.usefixtures("photos")
def test_a_stop_says_how_to_go_on(ingest: Invoke, bulk: BulkApi) -> None:
    """What the API said, in a sentence, and that nothing is lost; the exit code is that of what could not run."""
    refusal = problem(422, "INVALID_PIPELINE", "The pipeline breaks a rule.")
    bulk.fault = lambda _request: httpx.Response(422, content=refusal.content)
    result = ingest("photos", "--width", "5")
    assert result.exit_code == 2
    assert "The pipeline breaks a rule. (INVALID_PIPELINE)" in result.stderr
    assert "Nothing is lost" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("photos")
def test_ctrl_c_ends_cleanly(ingest: Invoke, bulk: BulkApi) -> None:
    """It says how to go on, and the same command does."""

    def interrupt(_request: httpx.Request) -> None:
        raise KeyboardInterrupt

    bulk.fault = interrupt
    result = ingest("photos", "--out", "out")
    assert result.exit_code == 130
    assert "Nothing is lost" in result.stderr
    bulk.fault = lambda _request: None
    assert "succeeded\t3" in ingest("photos", "--out", "out").stdout
    assert len(bulk.jobs) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a source"),
        (("photos", "--concurrency", "0"), "auto or a number"),
        (("photos", "--concurrency", "many"), "auto or a number"),
        (("photos", "--preset", "web", "--width", "3"), "--preset says all"),
        (("--manifest", "missing.csv"), "can't be read"),
        (("photos", "--checkpoint", "photos/a.png"), "no checkpoint"),
    ],
)
def test_what_can_not_run_says_so(ingest: Invoke, photos: Path, arguments: tuple[str, ...], says: str) -> None:
    """Before anything is sent, with exit code 2."""
    assert photos.exists()
    result = ingest(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr.replace("│\n│ ", "")


def test_the_library_does_the_same(bulk: BulkApi, photos: Path, tmp_path: Path) -> None:
    """A program has the same in one call."""
    told: list[Tally] = []
    with Safelight(API_URL, transport=httpx.MockTransport(bulk)) as client:
        tally = client.ingest(
            photos, checkpoint=tmp_path / "c.sqlite", out=tmp_path / "out", preset="web", report=told.append
        )
    assert (tally.well, tally.badly) == (3, 2)
    assert told[-1] == tally
    assert next(iter(bulk.batches.values()))["asked"]["preset"] == "web"


def test_speed_and_time_left_follow_what_ended() -> None:
    """Ten a second, a hundred left: ten seconds; unknown while the sources are still being read."""
    now = iter([0.0, 1.0, 2.0])
    speed = Speed(lambda: next(now))
    for done in (0, 10, 20):
        speed.saw(done)
    assert speed.per_second == pytest.approx(10)
    states = {State.COMPLETED: 20, State.SENT: 100}
    assert speed.left(Tally(states, scanned=True)) == "0:00:10"
    assert speed.left(Tally(states)) == "-"


def test_nothing_found_is_no_failure(ingest: Invoke, bulk: BulkApi) -> None:
    """An empty folder asks for nothing."""
    Path("empty").mkdir()
    result = ingest("empty")
    assert result.exit_code == 0
    assert "files\t0" in result.stdout
    assert not bulk.requests


def test_stream_of_names_may_be_empty(ingest: Invoke) -> None:
    """As may what find finds."""
    assert ingest("-", input=io.BytesIO(b"").read()).exit_code == 0
