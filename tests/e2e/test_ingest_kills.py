"""``safelight ingest`` on a real engine: killed at random requests, and with a server that stops."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.killable_engine import OwnServer, make_own_server
from support.running_stack import MAX_WAIT_SECONDS, Site, wait_until
from support.sample_images import make_png

from safelight.client import Safelight

FILES = 300
FEW_FILES = 120
KILLS = 10
#: Most concurrent uploads of one run.
MAX_CONCURRENCY = 32

#: Runs the command and logs every upload before it starts. KILLED_AFTER is the number of requests after which it kills
#: itself, while others are in progress. All but the first HELD_AFTER uploads wait until the file "held" is deleted.
CHANGED_COMMAND = """
import itertools, os, pathlib, signal, sys, time
import httpx
from safelight.cli.app import app
from safelight.transport import upload_form

log = os.open("uploads.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
killed_after = int(os.environ.get("KILLED_AFTER", "0"))
requests, uploads = itertools.count(1), itertools.count(1)
held_after = int(os.environ.get("HELD_AFTER", "0"))
send, send_request = upload_form.send, httpx.Client.send


def log_and_send(form, content, client):
    os.write(log, (form.fields["key"] + "\\n").encode())
    while held_after and next(uploads) > held_after and pathlib.Path("held").exists():
        time.sleep(0.05)
    send(form, content, client)


def send_and_count(client, request, **more):
    response = send_request(client, request, **more)
    if next(requests) == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)
    return response


upload_form.send, httpx.Client.send = log_and_send, send_and_count
app()
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with many small, different images."""
    return make_images(tmp_path / "photos", FILES)


@pytest.fixture
def few_photos(tmp_path: Path) -> Path:
    """Return a folder with fewer images."""
    return make_images(tmp_path / "photos", FEW_FILES)


def make_images(folder: Path, count: int) -> Path:
    """Write images below a folder and return it."""
    for number in range(count):
        path = folder / str(number % 7) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_png(24 + number % 40, 16 + number // 40))
    return folder


def start(folder: Path, api_url: str, *more: str, **environment: int) -> subprocess.Popen[str]:
    """Start the command, always with the same arguments. ``environment`` changes it: see CHANGED_COMMAND."""
    arguments = ["--out", "out", "--report", "report", "--checkpoint", "checkpoint.sqlite"]
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHANGED_COMMAND,
            "ingest",
            "photos",
            *arguments,
            "--json",
            *more,
        ],
        cwd=folder,
        env={
            **os.environ,
            "SAFELIGHT_API_URL": api_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **{name: str(value) for name, value in environment.items()},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_complete(folder: Path, api_url: str, count: int) -> None:
    """Check that every image has exactly one job, one result and one line in a complete report."""
    report = json.loads((folder / "report" / "report.json").read_text())
    assert report["complete"]
    assert (report["files"], report["succeeded"], report["jobs"]) == (count, count, count)
    (batch_id,) = report["batches"]
    with Safelight(api_url) as client:
        batch = client.batches.get(batch_id)
        jobs = list(client.batches.items(batch_id))
    assert (batch.closed, batch.done, batch.total) == (True, True, count)
    assert batch.counts["completed"] == count
    assert Counter(job.filename for job in jobs) == Counter({f"{number:04}.png": 1 for number in range(count)})
    assert {job.id for job in jobs} == {outcome["job"] for outcome in report["outcomes"]}
    names = sorted(path.relative_to(folder / "photos") for path in (folder / "photos").rglob("*.png"))
    assert sorted(path.relative_to(folder / "out") for path in (folder / "out").rglob("*") if path.is_file()) == names


def uploads(folder: Path) -> Sequence[str]:
    """Return the keys of all uploads that were started."""
    return (folder / "uploads.log").read_text().split()


@pytest.mark.faults
def test_ingest_is_complete_after_ten_kills(site: Site, photos: Path) -> None:
    """The same command resumes: each file has one job, and only interrupted uploads are repeated."""
    folder = photos.parent
    requests = random.Random(6)
    for _ in range(KILLS):
        # Each file needs two requests, so no run gets to the end.
        run = start(folder, site.stack.api_url, KILLED_AFTER=requests.randint(1, 2 * FILES // KILLS))
        run.communicate(timeout=MAX_WAIT_SECONDS)
        assert run.returncode == -signal.SIGKILL
    run = start(folder, site.stack.api_url)
    output, errors = run.communicate(timeout=5 * MAX_WAIT_SECONDS)
    assert run.returncode == 0, errors
    assert json.loads(output)["complete"]
    check_complete(folder, site.stack.api_url, FILES)
    sent = Counter(uploads(folder))
    assert len(sent) == FILES
    assert sent.total() - FILES <= KILLS * MAX_CONCURRENCY


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnServer]:
    """Yield an engine that a test may stop and kill."""
    own = make_own_server(request.config.getoption("--engine"), tmp_path / "server", monkeypatch)
    yield own
    own.remove()


@pytest.mark.faults
@pytest.mark.not_on("localstack", reason="its free edition stores nothing when it is stopped")
def test_ingest_stops_without_its_server_and_resumes_later(server: OwnServer, few_photos: Path) -> None:
    """It exits with 2 and shows how to resume. Nothing is lost or created twice."""
    folder = few_photos.parent
    run = start_held(folder, server.up().api_url)
    server.stop()
    check_stopped(run, folder)
    stack = server.up()
    again = start(folder, stack.api_url)
    _, errors = again.communicate(timeout=5 * MAX_WAIT_SECONDS)
    assert again.returncode == 0, errors
    check_complete(folder, stack.api_url, FEW_FILES)


@pytest.mark.faults
def test_ingest_starts_over_on_a_server_that_lost_its_data(server: OwnServer, few_photos: Path) -> None:
    """A killed engine restores the state of its last regular stop. The same command creates the lost jobs again."""
    folder = few_photos.parent
    server.up()
    server.stop()
    run = start_held(folder, server.up().api_url)
    server.kill()
    check_stopped(run, folder)
    stack = server.up()
    for expected in ({0, 1}, {0}):
        again = start(folder, stack.api_url)
        _, errors = again.communicate(timeout=5 * MAX_WAIT_SECONDS)
        assert again.returncode in expected, errors
        assert "Traceback" not in errors
    report = json.loads((folder / "report" / "report.json").read_text())
    assert (report["complete"], report["succeeded"], report["jobs"]) == (True, FEW_FILES, FEW_FILES)
    assert sum(path.is_file() for path in (folder / "out").rglob("*")) == FEW_FILES
    with Safelight(stack.api_url) as client:
        (batch_id,) = [batch.id for batch in client.batches.list()]
        jobs = list(client.batches.items(batch_id))
    assert len({job.filename for job in jobs}) == len(jobs)
    assert {job.attempts for job in jobs} == {1}


def start_held(folder: Path, api_url: str) -> subprocess.Popen[str]:
    """Start the command, and wait until it has uploaded some of the files and holds the others."""
    (folder / "held").touch()
    run = start(folder, api_url, "--patience", "3", HELD_AFTER=FEW_FILES // 4)
    wait_until(lambda: (folder / "uploads.log").exists() and len(uploads(folder)) > FEW_FILES // 4)
    return run


def check_stopped(run: subprocess.Popen[str], folder: Path) -> None:
    """Check that a run whose server is gone stops and prints how to resume."""
    (folder / "held").unlink()
    _, errors = run.communicate(timeout=MAX_WAIT_SECONDS)
    assert run.returncode == 2, errors
    assert "To resume, run: " in errors
    assert "Traceback" not in errors
