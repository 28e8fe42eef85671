"""A complete ingest against an API that fails on command."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fake_bulk_api import API_URL, BulkApi, problem
from support.thorough import every

from safelight.client import Safelight
from safelight.ingest.checkpoint.database import open_checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.engine import IngestStopped, run
from safelight.ingest.polling import CONFIRM_SECONDS, STANDSTILL_SECONDS
from safelight.ingest.progress import Progress
from safelight.ingest.state import IngestOptions
from safelight.transport.timing import Timing

PNG = b"\x89PNG\r\n\x1a\n"


class Clock:
    """A clock that advances by sleeping, and a little with every reading."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        """Return the time and advance it a little."""
        self.now += 0.001
        return self.now

    def timing(self) -> Timing:
        """Return the clock as the client takes it."""
        return Timing(sleep=self.sleep, monotonic=self.monotonic, jitter=lambda: 0.0)


class Setup:
    """An API, a folder of images, an output folder and a checkpoint."""

    def __init__(self, root: Path) -> None:
        """Start with an empty folder."""
        self.api = BulkApi()
        self.clock = Clock()
        self.photos = root / "photos"
        self.photos.mkdir()
        self.out = root / "out"
        self.path = root / "state" / "checkpoint.sqlite"

    def add_images(self, count: int, folder: str = "") -> None:
        """Create different images."""
        (self.photos / folder).mkdir(exist_ok=True)
        for number in range(count):
            (self.photos / folder / f"{number:04}.png").write_bytes(PNG + f"raw {folder}{number}".encode())

    def run(self, *, out: bool = True, on_progress: Callable[[Progress], None] | None = None, **more: Any) -> Progress:
        """Run the same ingest, or resume it."""
        options = IngestOptions(sources=(str(self.photos),), out=self.out if out else None, **more)
        transport = httpx.MockTransport(self.api)
        timing = self.clock.timing()
        with Safelight(API_URL, transport=transport, timing=timing) as client, open_checkpoint(self.path) as checkpoint:
            return run(client, checkpoint, options, on_progress=on_progress, timing=timing, clock=self.clock.monotonic)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """Return columns of all files in the checkpoint."""
        with open_checkpoint(self.path) as checkpoint:
            return checkpoint.database.execute(f"SELECT {columns} FROM files ORDER BY number").fetchall()  # noqa: S608

    def check_complete(self, count: int) -> None:
        """Check that every file has exactly one job, and its own result at its own path."""
        assert len(self.api.jobs) == count
        names = sorted(path.relative_to(self.photos) for path in self.photos.rglob("*.png"))
        assert len(names) == count
        for name in names:
            content = (self.photos / name).read_bytes()
            assert (self.out / name).read_bytes() == b"image of " + content.replace(b"raw", b"done")
        assert sorted(path.relative_to(self.out) for path in self.out.rglob("*") if path.is_file()) == names
        assert all(batch["closed"] for batch in self.api.batches.values())


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Return a new setup."""
    return Setup(tmp_path)


def test_ingest_processes_every_file_of_a_folder(setup: Setup) -> None:
    """Every image has one job, is uploaded once and has its result at its path."""
    setup.add_images(120)
    setup.add_images(130, "deep")
    progress = setup.run()
    assert (progress.total, progress.succeeded, progress.failed) == (250, 250, 0)
    setup.check_complete(250)
    assert set(setup.api.received.values()) == {1}
    # One to create the batch, four chunks, one to close it, and some polling.
    assert setup.api.calls["POST batches"] == 1
    assert setup.api.calls["POST batches/…/items"] == 4
    assert setup.api.calls["POST store"] == setup.api.calls["GET store"] == 250
    assert setup.api.calls["GET jobs/…/result"] == 0


def test_first_requests_of_a_run_have_few_members(setup: Setup) -> None:
    """So the first uploads do not wait until a hundred files are inspected."""
    setup.add_images(260)
    setup.run()
    chunks = Counter(chunk for (chunk,) in setup.rows("chunk"))
    assert [chunks[number] for number in sorted(chunks)] == [10, 40, 100, 100, 10]


def test_second_run_sends_no_requests(setup: Setup) -> None:
    """A finished ingest has nothing left to do."""
    setup.add_images(5)
    setup.run()
    before = list(setup.api.requests)
    assert setup.run().succeeded == 5
    assert setup.api.requests == before


def test_next_run_uploads_only_new_and_changed_files(setup: Setup) -> None:
    """Unchanged files keep their jobs."""
    setup.add_images(3)
    setup.run()
    (setup.photos / "0001.png").write_bytes(PNG + b"raw other content")
    (setup.photos / "0009.png").write_bytes(PNG + b"raw new")
    assert setup.run().succeeded == 4
    assert len(setup.api.jobs) == 5
    assert (setup.out / "0001.png").read_bytes() == b"image of " + PNG + b"done other content"
    assert (setup.out / "0009.png").exists()


def test_failed_files_are_counted_by_code_and_do_not_stop_the_others(setup: Setup) -> None:
    """A failed job, a refused member and an unreadable file."""
    setup.add_images(3)
    (setup.photos / "text.png").write_bytes(b"not an image")
    (setup.photos / "empty.png").touch()
    (setup.photos / "odd.png").write_bytes(b"odd")
    error = {"code": "INVALID_REQUEST", "title": "No.", "retriable": False}
    setup.api.refuse = lambda member: error if member["filename"] == "odd.png" else None
    progress = setup.run()
    assert (progress.succeeded, progress.failed) == (3, 3)
    assert progress.codes == {"INVALID_REQUEST": 1, "LOCAL_FILE": 1, "NOT_AN_IMAGE": 1}


def test_duplicate_files_share_one_job_and_each_has_its_result(setup: Setup) -> None:
    """Equal bytes are uploaded once."""
    for name in ("a.png", "b.png", "c/d.png"):
        (setup.photos / name).parent.mkdir(exist_ok=True)
        (setup.photos / name).write_bytes(PNG + b"raw same")
    assert setup.run().succeeded == 3
    assert (len(setup.api.jobs), setup.api.calls["POST store"]) == (1, 1)
    assert {(setup.out / name).read_bytes() for name in ("a.png", "b.png", "c/d.png")} == {
        b"image of " + PNG + b"done same"
    }


def test_results_are_downloaded_only_with_an_output_folder(setup: Setup) -> None:
    """A later run with a folder downloads the results and creates no jobs."""
    setup.add_images(4)
    assert setup.run(out=False).succeeded == 4
    assert setup.api.calls["GET store"] == 0
    assert setup.run().succeeded == 4
    setup.check_complete(4)


OUTAGES: dict[str, Callable[[], Any]] = {
    "429": lambda: problem(429, "THROTTLED", **{"Retry-After": "7"}),
    "503": lambda: problem(503, "UNAVAILABLE"),
    "timeout": lambda: httpx.ReadTimeout("slow"),
    "refused": lambda: httpx.ConnectError("refused"),
    "reset": lambda: httpx.ReadError("reset"),
}


@pytest.mark.parametrize("kind", every(3, OUTAGES))
def test_unreliable_server_delays_the_ingest_only(setup: Setup, kind: str) -> None:
    """One in five requests fails. Each file still has one job and one result."""
    setup.add_images(150)
    counter = itertools.count()
    setup.api.fault = lambda _request: OUTAGES[kind]() if next(counter) % 5 == 2 else None
    assert setup.run().succeeded == 150
    setup.check_complete(150)


def test_no_request_is_sent_before_retry_after(setup: Setup) -> None:
    """Nothing is sent before the time that the API named."""
    setup.add_images(3)
    moments: list[float] = []

    def fault(_request: httpx.Request) -> httpx.Response | None:
        moments.append(setup.clock.now)
        return problem(429, "THROTTLED", **{"Retry-After": "30"}) if len(moments) == 1 else None

    setup.api.fault = fault
    setup.run()
    assert moments[1] - moments[0] >= 30


def test_a_used_up_limit_delays_only_new_jobs(setup: Setup) -> None:
    """Meanwhile the files of open jobs are sent, which makes room."""
    setup.add_images(250)
    refusals: list[float] = []

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST" or not request.url.path.endswith(("/batches", "/items")):
            return None
        if len(setup.api.received) >= len(setup.api.jobs):
            return None
        refusals.append(setup.clock.now)
        return problem(429, "TOO_MANY_OPEN_JOBS", **{"Retry-After": "5"})

    setup.api.fault = fault
    assert setup.run().succeeded == 250
    assert refusals
    setup.check_complete(250)


def test_lost_responses_create_no_second_job(setup: Setup) -> None:
    """The request was executed, then the connection broke: the same key returns the same jobs."""
    setup.add_images(150)
    counter = itertools.count()
    setup.api.lost = lambda request: request.url.host == "api.test" and next(counter) % 3 == 0
    assert setup.run().succeeded == 150
    setup.check_complete(150)
    assert set(setup.api.received.values()) == {1}


def test_expired_forms_are_renewed(setup: Setup) -> None:
    """Forms that expired before their turn are renewed, and the bytes are uploaded once."""
    setup.add_images(10)
    setup.api.form_seconds = -1
    seen = threading.Event()

    def fault(request: httpx.Request) -> None:
        if request.url.path.endswith("/form"):
            seen.set()
            setup.api.form_seconds = 900

    setup.api.fault = fault
    assert setup.run().succeeded == 10
    assert seen.is_set()
    setup.check_complete(10)


def test_refused_form_is_renewed_once(setup: Setup) -> None:
    """A store that refuses new forms too is a failure of the file, not an endless loop."""
    setup.add_images(2)
    stale = itertools.count()

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test" or request.method != "POST":
            return None
        first = b"raw 0" in request.content and next(stale) == 0
        return httpx.Response(403) if first or b"raw 1" in request.content else None

    setup.api.fault = fault
    progress = setup.run()
    assert (progress.succeeded, progress.codes) == (1, {"UPLOAD_REFUSED": 1})


def test_file_that_changes_before_its_upload_fails(setup: Setup) -> None:
    """Its job is cancelled, and the next run uploads the new content."""
    setup.add_images(1)

    def change(request: httpx.Request) -> None:
        if request.url.path.endswith("/items") and request.method == "POST":
            (setup.photos / "0000.png").write_bytes(PNG + b"raw other")

    setup.api.fault = change
    assert setup.run().codes == {"FILE_CHANGED": 1}
    assert [job["status"] for job in setup.api.jobs.values()] == ["CANCELLED"]
    setup.api.fault = lambda _request: None
    assert setup.run().succeeded == 1
    assert (setup.out / "0000.png").read_bytes() == b"image of " + PNG + b"done other"


def test_lost_store_events_are_replaced_by_confirmations(setup: Setup) -> None:
    """At a standstill, one upload is confirmed. If that helps, so are the others."""
    setup.add_images(150)
    setup.api.events_lost = True
    assert setup.run().succeeded == 150
    assert setup.api.calls["POST uploads/…/confirm"] == 150


def test_overtaken_job_is_confirmed(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost event is detected when later uploads have been taken."""
    monkeypatch.setattr("safelight.ingest.polling.CONFIRM_SECONDS", 0.0)
    setup.add_images(20)

    def fault(_: httpx.Request) -> None:
        setup.api.events_lost = not setup.api.received

    setup.api.fault = fault
    assert setup.run().succeeded == 20
    assert setup.api.calls["POST uploads/…/confirm"] == 1
    assert setup.clock.now < STANDSTILL_SECONDS


def test_jobs_in_a_long_queue_are_not_confirmed(setup: Setup) -> None:
    """A long wait for a worker is not mistaken for a lost event."""
    setup.add_images(30)
    setup.api.queued_polls = 14
    assert setup.run().succeeded == 30
    assert setup.clock.now > CONFIRM_SECONDS
    assert setup.api.calls["POST uploads/…/confirm"] == 0


def test_expired_link_is_replaced(setup: Setup) -> None:
    """Links from the listing may have expired before the download."""
    setup.add_images(3)

    def fault(request: httpx.Request) -> httpx.Response | None:
        is_first = request.method == "GET" and request.url.host == "store.test" and not request.url.query
        return httpx.Response(403) if is_first else None

    setup.api.fault = fault
    assert setup.run().succeeded == 3
    setup.check_complete(3)


def test_download_with_wrong_digest_is_discarded(setup: Setup) -> None:
    """The next run downloads the result again."""
    setup.add_images(2)
    wrong = b"image of " + b"x" * 14

    def fault(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, content=wrong) if request.url.path == "/JOB000001/image" else None

    setup.api.fault = fault
    progress = setup.run()
    assert (progress.succeeded, progress.codes) == (1, {"DOWNLOAD_FAILED": 1})
    assert not (setup.out / "0001.png").exists()
    setup.api.fault = lambda _request: None
    assert setup.run().succeeded == 2
    setup.check_complete(2)


@pytest.mark.parametrize("after", [0, 40])
def test_unreachable_server_stops_the_ingest_and_the_next_run_resumes(setup: Setup, after: int) -> None:
    """The ingest stops after the patience has run out."""
    setup.add_images(60)
    counter = itertools.count()
    setup.api.fault = lambda _request: httpx.ConnectError("refused") if next(counter) >= after else None
    with pytest.raises(IngestStopped, match="No request has succeeded"):
        setup.run()
    assert sum(setup.clock.slept) < 240
    setup.api.fault = lambda _request: None
    assert setup.run().succeeded == 60
    setup.check_complete(60)
    assert set(setup.api.received.values()) == {1}


@pytest.mark.parametrize(
    "refusal", [problem(422, "INVALID_PIPELINE"), problem(401, "UNAUTHENTICATED"), httpx.Response(200, text="<html>")]
)
def test_error_that_concerns_every_file_stops_the_ingest(setup: Setup, refusal: httpx.Response) -> None:
    """Invalid options or missing credentials are not tried for each file."""
    setup.add_images(300)
    setup.api.fault = lambda _request: httpx.Response(refusal.status_code, content=refusal.content)
    with pytest.raises(IngestStopped, match="The ingest has stopped"):
        setup.run()
    assert len(setup.api.requests) == 1


class Killed(BaseException):
    """Simulates the end of the process."""


def test_interrupted_runs_resume_without_loss(setup: Setup) -> None:
    """After ten interruptions, each file has one job and its result."""
    setup.add_images(130)
    for point in (1, 2, 3, 9, 30, 61, 95, 140, 200, 260):
        counter = itertools.count(1)

        def fault(_request: httpx.Request, counter: Any = counter, point: int = point) -> None:
            if next(counter) == point:
                raise Killed

        setup.api.fault = fault
        with suppress(Killed):
            setup.run()
    setup.api.fault = lambda _request: None
    assert setup.run().succeeded == 130
    setup.check_complete(130)


def test_options_of_a_manifest_row_apply_to_its_file(setup: Setup, tmp_path: Path) -> None:
    """The options of the ingest are sent with the batch."""
    setup.add_images(1)
    (tmp_path / "extra.png").write_bytes(PNG + b"raw extra")
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(json.dumps({"path": "extra.png", "preset": "web"}) + "\nno row\n")
    progress = setup.run(options={"width": 300}, manifests=(manifest,), name="Summer")
    assert (progress.succeeded, progress.codes) == (2, {"MANIFEST_ROW": 1})
    (batch,) = setup.api.batches.values()
    assert {name: batch["request"][name] for name in ("name", "width")} == {"name": "Summer", "width": 300}
    requests = [job["request"] for job in setup.api.jobs.values()]
    assert [each.get("preset") for each in requests] == [None, "web"]
    assert (setup.out / "extra.png").exists()


def test_progress_is_monotonic_and_ends_complete(setup: Setup) -> None:
    """The last report has the final counts."""
    setup.add_images(120)
    reports: list[Progress] = []
    setup.run(on_progress=reports.append)
    assert (reports[-1].done, reports[-1].total, reports[-1].scanned) == (120, 120, True)
    assert [each.done for each in reports] == sorted(each.done for each in reports)
    assert reports[-1].states == {State.SAVED: 120}


@pytest.mark.parametrize("moment", every(2, ["POST store", "GET batches/…/items", "POST batches/…/items", "GET store"]))
def test_files_are_sent_again_to_a_server_that_lost_its_data(setup: Setup, moment: str) -> None:
    """Open files get jobs in a new batch, in this run or in the next."""
    setup.add_images(250)
    lost = False

    def forget(_request: httpx.Request) -> None:
        nonlocal lost
        if not lost and setup.api.calls[moment] >= 2:
            lost = True
            setup.api.forget()

    setup.api.fault = forget
    first = setup.run()
    assert lost
    assert set(setup.rows("code")) <= {(None,), ("JOB_GONE",)}
    assert (first.total, first.succeeded + first.failed) == (250, 250)
    assert setup.run().succeeded == 250
    names = {path.name for path in setup.out.iterdir()}
    assert len(names) == 250
    owners = [job["filename"] for job in setup.api.jobs.values()]
    assert len(owners) == len(set(owners))
    for path in setup.photos.iterdir():
        assert (setup.out / path.name).read_bytes() == b"image of " + path.read_bytes().replace(b"raw", b"done")


def test_deleted_job_fails_and_is_replaced_by_the_next_run(setup: Setup) -> None:
    """It is confirmed once, then reported. The others do not wait for it."""
    setup.add_images(5)
    setup.api.polls = 3
    gone: list[str] = []

    def delete(request: httpx.Request) -> None:
        if not gone and request.url.path.endswith("/items") and len(setup.api.received) == 5:
            gone.append(sorted(setup.api.received)[2])
            for batch in setup.api.batches.values():
                batch["jobs"].remove(gone[0])
            del setup.api.jobs[gone[0]]

    setup.api.fault = delete
    progress = setup.run()
    assert (progress.succeeded, progress.failed) == (4, 1)
    assert setup.rows("code, state").count(("JOB_GONE", State.REFUSED)) == 1
    assert setup.api.calls["POST uploads/…/confirm"] == 1
    assert setup.run().succeeded == 5
    setup.check_complete(5)


def test_batch_that_is_never_found_fails_its_files(setup: Setup) -> None:
    """The number of new batches is limited."""
    setup.add_images(3)
    setup.api.fault = lambda request: (
        problem(404, "BATCH_NOT_FOUND") if request.method == "POST" and request.url.path.endswith("/items") else None
    )
    assert setup.run().failed == 3
    assert {code for (code,) in setup.rows("code")} == {"JOB_GONE"}
    assert setup.api.calls["POST batches"] <= 6
