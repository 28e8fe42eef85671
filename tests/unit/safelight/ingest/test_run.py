"""A whole ingest against an API that fails on command: every file has one job and one outcome, whatever happens."""

import itertools
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fake_bulk_api import API_URL, BulkApi, problem

from safelight.client import Safelight
from safelight.ingest.checkpoint.database import opened
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.engine import IngestStopped, run
from safelight.ingest.options import IngestOrder
from safelight.ingest.polling import CONFIRM_SECONDS, STANDSTILL_SECONDS
from safelight.ingest.progress import Tally
from safelight.transport.timing import Timing

PNG = b"\x89PNG\r\n\x1a\n"


class Clock:
    """A clock that jumps where the run waits, and creeps where it works."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        """Tell the time; a little goes by with every look."""
        self.now += 0.001
        return self.now

    def timing(self) -> Timing:
        """Return it as the client wants it."""
        return Timing(sleep=self.sleep, monotonic=self.monotonic, jitter=lambda: 0.0)


class Bench:
    """An API, a folder of images, a folder for results and a checkpoint; runs as often as one likes."""

    def __init__(self, root: Path) -> None:
        """Begin with nothing."""
        self.api = BulkApi()
        self.clock = Clock()
        self.photos = root / "photos"
        self.photos.mkdir()
        self.out = root / "out"
        self.path = root / "state" / "checkpoint.sqlite"

    def pictures(self, count: int, folder: str = "") -> None:
        """Make images, all different."""
        (self.photos / folder).mkdir(exist_ok=True)
        for number in range(count):
            (self.photos / folder / f"{number:04}.png").write_bytes(PNG + f"raw {folder}{number}".encode())

    def run(self, *, out: bool = True, report: Callable[[Tally], None] = lambda _: None, **more: Any) -> Tally:
        """Run the same command."""
        order = IngestOrder(sources=(str(self.photos),), out=self.out if out else None, **more)
        transport = httpx.MockTransport(self.api)
        with Safelight(API_URL, transport=transport, timing=self.clock.timing()) as client, opened(self.path) as state:
            return run(client, state, order, report=report, timing=self.clock.timing(), clock=self.clock.monotonic)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """Read the checkpoint."""
        with opened(self.path) as state:
            return state.database.execute(f"SELECT {columns} FROM files ORDER BY number").fetchall()  # noqa: S608

    def check_whole(self, count: int) -> None:
        """Every file has exactly one job, and its own result lies where its image lay."""
        assert len(self.api.jobs) == count
        names = sorted(path.relative_to(self.photos) for path in self.photos.rglob("*.png"))
        assert len(names) == count
        for name in names:
            content = (self.photos / name).read_bytes()
            assert (self.out / name).read_bytes() == b"image of " + content.replace(b"raw", b"done")
        assert sorted(path.relative_to(self.out) for path in self.out.rglob("*") if path.is_file()) == names
        assert all(batch["closed"] for batch in self.api.batches.values())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A new one."""
    return Bench(tmp_path)


def test_a_folder_goes_through(bench: Bench) -> None:
    """Every image has one job, its bytes are sent once, and its result lies where it lay."""
    bench.pictures(120)
    bench.pictures(130, "deep")
    tally = bench.run()
    assert (tally.total, tally.well, tally.badly) == (250, 250, 0)
    bench.check_whole(250)
    assert set(bench.api.received.values()) == {1}
    # One to open, three chunks, one to close; a look now and then.
    assert bench.api.calls["POST batches"] == 1
    assert bench.api.calls["POST batches/…/items"] == 3
    assert bench.api.calls["POST store"] == bench.api.calls["GET store"] == 250
    assert bench.api.calls["GET jobs/…/result"] == 0


def test_a_second_run_has_nothing_to_do(bench: Bench) -> None:
    """The same command over finished work asks the API for nothing."""
    bench.pictures(5)
    bench.run()
    before = list(bench.api.requests)
    assert bench.run().well == 5
    assert bench.api.requests == before


def test_new_and_changed_files_are_sent_by_the_next_run(bench: Bench) -> None:
    """And those alone."""
    bench.pictures(3)
    bench.run()
    (bench.photos / "0001.png").write_bytes(PNG + b"raw other content")
    (bench.photos / "0009.png").write_bytes(PNG + b"raw new")
    assert bench.run().well == 4
    assert len(bench.api.jobs) == 5
    assert (bench.out / "0001.png").read_bytes() == b"image of " + PNG + b"done other content"
    assert (bench.out / "0009.png").exists()


def test_failures_are_told_by_code_and_stop_nothing(bench: Bench) -> None:
    """A job that fails, a member that is refused, a file that can't be read."""
    bench.pictures(3)
    (bench.photos / "text.png").write_bytes(b"no picture")
    (bench.photos / "empty.png").touch()
    (bench.photos / "odd.png").write_bytes(b"odd")
    error = {"code": "INVALID_REQUEST", "title": "No.", "retriable": False}
    bench.api.refuse = lambda member: error if member["filename"] == "odd.png" else None
    tally = bench.run()
    assert (tally.well, tally.badly) == (3, 3)
    assert tally.codes == {"INVALID_REQUEST": 1, "LOCAL_FILE": 1, "NOT_AN_IMAGE": 1}


def test_equal_bytes_share_a_job_and_each_has_its_result(bench: Bench) -> None:
    """Nothing is sent twice."""
    for name in ("a.png", "b.png", "c/d.png"):
        (bench.photos / name).parent.mkdir(exist_ok=True)
        (bench.photos / name).write_bytes(PNG + b"raw same")
    assert bench.run().well == 3
    assert (len(bench.api.jobs), bench.api.calls["POST store"]) == (1, 1)
    assert {(bench.out / name).read_bytes() for name in ("a.png", "b.png", "c/d.png")} == {
        b"image of " + PNG + b"done same"
    }


def test_without_a_folder_nothing_is_fetched(bench: Bench) -> None:
    """A later run that names one fetches the results and makes no jobs."""
    bench.pictures(4)
    assert bench.run(out=False).well == 4
    assert bench.api.calls["GET store"] == 0
    assert bench.run().well == 4
    bench.check_whole(4)


SILENCES: dict[str, Callable[[], Any]] = {
    "429": lambda: problem(429, "THROTTLED", **{"Retry-After": "7"}),
    "503": lambda: problem(503, "UNAVAILABLE"),
    "timeout": lambda: httpx.ReadTimeout("slow"),
    "refused": lambda: httpx.ConnectError("refused"),
    "reset": lambda: httpx.ReadError("reset"),
}


@pytest.mark.parametrize("kind", SILENCES)
def test_a_server_in_trouble_costs_time_and_nothing_else(bench: Bench, kind: str) -> None:
    """Every fifth request fails for a while; still each file has one job and one result."""
    bench.pictures(150)
    counter = itertools.count()
    bench.api.fault = lambda _request: SILENCES[kind]() if next(counter) % 5 == 2 else None
    assert bench.run().well == 150
    bench.check_whole(150)


def test_retry_after_is_kept(bench: Bench) -> None:
    """Nothing at all is sent before the moment that the API named."""
    bench.pictures(3)
    moments: list[float] = []

    def fault(_request: httpx.Request) -> httpx.Response | None:
        moments.append(bench.clock.now)
        return problem(429, "THROTTLED", **{"Retry-After": "30"}) if len(moments) == 1 else None

    bench.api.fault = fault
    bench.run()
    assert moments[1] - moments[0] >= 30


def test_lost_answers_make_no_second_job(bench: Bench) -> None:
    """The request was carried out, the connection broke: the same key finds the same jobs."""
    bench.pictures(150)
    counter = itertools.count()
    bench.api.lost = lambda request: request.url.host == "api.test" and next(counter) % 3 == 0
    assert bench.run().well == 150
    bench.check_whole(150)
    assert set(bench.api.received.values()) == {1}


def test_an_expired_form_is_renewed(bench: Bench) -> None:
    """Forms that were too old when their turn came are asked for anew, and the bytes go once."""
    bench.pictures(10)
    bench.api.form_seconds = -1
    seen = threading.Event()

    def fault(request: httpx.Request) -> None:
        if request.url.path.endswith("/form"):
            seen.set()
            bench.api.form_seconds = 900

    bench.api.fault = fault
    assert bench.run().well == 10
    assert seen.is_set()
    bench.check_whole(10)


def test_a_form_that_the_store_refuses_is_renewed_once(bench: Bench) -> None:
    """The clocks may differ; a store that refuses fresh forms too is an outcome, not a loop."""
    bench.pictures(2)
    stale = itertools.count()

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test" or request.method != "POST":
            return None
        first = b"raw 0" in request.content and next(stale) == 0
        return httpx.Response(403) if first or b"raw 1" in request.content else None

    bench.api.fault = fault
    tally = bench.run()
    assert (tally.well, tally.codes) == (1, {"UPLOAD_REFUSED": 1})


def test_a_file_that_changes_before_it_is_sent_is_noticed(bench: Bench) -> None:
    """It is not sent under the old digest, its job ends, and the next run sends what it is now."""
    bench.pictures(1)

    def change(request: httpx.Request) -> None:
        if request.url.path.endswith("/items") and request.method == "POST":
            (bench.photos / "0000.png").write_bytes(PNG + b"raw other")

    bench.api.fault = change
    assert bench.run().codes == {"FILE_CHANGED": 1}
    assert [job["status"] for job in bench.api.jobs.values()] == ["CANCELLED"]
    bench.api.fault = lambda _request: None
    assert bench.run().well == 1
    assert (bench.out / "0000.png").read_bytes() == b"image of " + PNG + b"done other"


def test_lost_store_events_are_made_good(bench: Bench) -> None:
    """Where nothing moves, a job is told that its bytes are there; when that helps, so are the others."""
    bench.pictures(150)
    bench.api.events_lost = True
    assert bench.run().well == 150
    assert bench.api.calls["POST uploads/…/confirm"] == 150


def test_a_job_that_was_overtaken_is_told_of_its_bytes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One lost event is noticed by the jobs that were sent later and have been taken, before anything stands still."""
    monkeypatch.setattr("safelight.ingest.polling.CONFIRM_SECONDS", 0.0)
    bench.pictures(20)

    def fault(_: httpx.Request) -> None:
        bench.api.events_lost = not bench.api.received

    bench.api.fault = fault
    assert bench.run().well == 20
    assert bench.api.calls["POST uploads/…/confirm"] == 1
    assert bench.clock.now < STANDSTILL_SECONDS


def test_a_long_queue_is_no_lost_event(bench: Bench) -> None:
    """Jobs that wait for a worker longer than a lost event would be waited for are left alone."""
    bench.pictures(30)
    bench.api.waits = 14
    assert bench.run().well == 30
    assert bench.clock.now > CONFIRM_SECONDS
    assert bench.api.calls["POST uploads/…/confirm"] == 0


def test_a_dead_link_is_replaced(bench: Bench) -> None:
    """Links that came with the listing may have expired when their turn comes."""
    bench.pictures(3)

    def fault(request: httpx.Request) -> httpx.Response | None:
        is_first = request.method == "GET" and request.url.host == "store.test" and not request.url.query
        return httpx.Response(403) if is_first else None

    bench.api.fault = fault
    assert bench.run().well == 3
    bench.check_whole(3)


def test_wrong_bytes_are_no_result(bench: Bench) -> None:
    """What does not have the job's digest is never under its name; the next run fetches it."""
    bench.pictures(2)
    wrong = b"image of " + b"x" * 14

    def fault(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, content=wrong) if request.url.path == "/JOB000001/image" else None

    bench.api.fault = fault
    tally = bench.run()
    assert (tally.well, tally.codes) == (1, {"DOWNLOAD_FAILED": 1})
    assert not (bench.out / "0001.png").exists()
    bench.api.fault = lambda _request: None
    assert bench.run().well == 2
    bench.check_whole(2)


@pytest.mark.parametrize("after", [0, 40])
def test_a_server_that_disappears_ends_the_run_and_loses_nothing(bench: Bench, after: int) -> None:
    """Patience has an end; the same command goes on where it was."""
    bench.pictures(60)
    counter = itertools.count()
    bench.api.fault = lambda _request: httpx.ConnectError("refused") if next(counter) >= after else None
    with pytest.raises(IngestStopped, match="Nothing has gone well"):
        bench.run()
    assert sum(bench.clock.slept) < 240
    bench.api.fault = lambda _request: None
    assert bench.run().well == 60
    bench.check_whole(60)
    assert set(bench.api.received.values()) == {1}


@pytest.mark.parametrize(
    "refusal", [problem(422, "INVALID_PIPELINE"), problem(401, "UNAUTHENTICATED"), httpx.Response(200, text="<html>")]
)
def test_a_refusal_of_the_whole_ends_the_run(bench: Bench, refusal: httpx.Response) -> None:
    """Options that are wrong for all, or no right to ask: nothing is tried for every file."""
    bench.pictures(300)
    bench.api.fault = lambda _request: httpx.Response(refusal.status_code, content=refusal.content)
    with pytest.raises(IngestStopped, match="can't go on"):
        bench.run()
    assert len(bench.api.requests) == 1


class Killed(BaseException):
    """The process ends here, as far as the checkpoint is concerned."""


def test_runs_that_break_off_anywhere_lose_nothing(bench: Bench) -> None:
    """Broken off at ten moments, the same command ends with one job for each file and each result in its place."""
    bench.pictures(130)
    for point in (1, 2, 3, 9, 30, 61, 95, 140, 200, 260):
        counter = itertools.count(1)

        def fault(_request: httpx.Request, counter: Any = counter, point: int = point) -> None:
            if next(counter) == point:
                raise Killed

        bench.api.fault = fault
        with suppress(Killed):
            bench.run()
    bench.api.fault = lambda _request: None
    assert bench.run().well == 130
    bench.check_whole(130)


def test_own_options_go_with_their_file(bench: Bench, tmp_path: Path) -> None:
    """Those of the command go with the batch, those of a manifest's row with its member."""
    bench.pictures(1)
    (tmp_path / "extra.png").write_bytes(PNG + b"raw extra")
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(json.dumps({"path": "extra.png", "preset": "web"}) + "\nno row\n")
    tally = bench.run(options={"width": 300}, manifests=(manifest,), name="Summer")
    assert (tally.well, tally.codes) == (2, {"MANIFEST_ROW": 1})
    (batch,) = bench.api.batches.values()
    assert {name: batch["asked"][name] for name in ("name", "width")} == {"name": "Summer", "width": 300}
    asked = [job["asked"] for job in bench.api.jobs.values()]
    assert [each.get("preset") for each in asked] == [None, "web"]
    assert (bench.out / "extra.png").exists()


def test_what_is_told_on_the_way(bench: Bench) -> None:
    """The last report is the whole, and none goes back behind an earlier one."""
    bench.pictures(120)
    told: list[Tally] = []
    bench.run(report=told.append)
    assert (told[-1].done, told[-1].total, told[-1].scanned) == (120, 120, True)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert told[-1].states == {State.SAVED: 120}


@pytest.mark.parametrize("moment", ["POST store", "GET batches/…/items", "POST batches/…/items", "GET store"])
def test_a_server_that_has_forgotten_everything_gets_it_again(bench: Bench, moment: str) -> None:
    """What has not ended begins again in a new batch, at most by the same command again; nothing waits for ever."""
    bench.pictures(250)
    lost = False

    def forget(_request: httpx.Request) -> None:
        nonlocal lost
        if not lost and bench.api.calls[moment] >= 2:
            lost = True
            bench.api.forget()

    bench.api.fault = forget
    first = bench.run()
    assert lost
    assert set(bench.rows("code")) <= {(None,), ("JOB_GONE",)}
    assert (first.total, first.well + first.badly) == (250, 250)
    assert bench.run().well == 250
    names = {path.name for path in bench.out.iterdir()}
    assert len(names) == 250
    owners = [job["filename"] for job in bench.api.jobs.values()]
    assert len(owners) == len(set(owners))
    for path in bench.photos.iterdir():
        assert (bench.out / path.name).read_bytes() == b"image of " + path.read_bytes().replace(b"raw", b"done")


def test_a_job_that_was_deleted_is_sent_by_the_next_run(bench: Bench) -> None:
    """It is missed, asked after once, and told by name; the others don't wait for it."""
    bench.pictures(5)
    bench.api.looks = 3
    gone: list[str] = []

    def delete(request: httpx.Request) -> None:
        if not gone and request.url.path.endswith("/items") and len(bench.api.received) == 5:
            gone.append(sorted(bench.api.received)[2])
            for batch in bench.api.batches.values():
                batch["jobs"].remove(gone[0])
            del bench.api.jobs[gone[0]]

    bench.api.fault = delete
    tally = bench.run()
    assert (tally.well, tally.badly) == (4, 1)
    assert bench.rows("code, state").count(("JOB_GONE", State.REFUSED)) == 1
    assert bench.api.calls["POST uploads/…/confirm"] == 1
    assert bench.run().well == 5
    bench.check_whole(5)


def test_a_batch_that_is_never_found_ends_the_run(bench: Bench) -> None:
    """An API that forgets each batch at once is not asked for ever."""
    bench.pictures(3)
    bench.api.fault = lambda request: (
        problem(404, "BATCH_NOT_FOUND") if request.method == "POST" and request.url.path.endswith("/items") else None
    )
    assert bench.run().badly == 3
    assert {code for (code,) in bench.rows("code")} == {"JOB_GONE"}
    assert bench.api.calls["POST batches"] <= 6
