"""``safelight ingest`` on a real engine: killed at random moments, and left by its server."""

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
from support.killable_engine import OwnServer, own_server
from support.running_stack import PATIENCE_SECONDS, Site, until
from support.sample_images import png

from safelight.client import Safelight

PICTURES = 300
FEW = 120
KILLS = 10
#: Uploads that one run has under way at most.
MOST_UNDER_WAY = 32

#: The command, which notes every upload before it begins.
COUNTED = """
import os, sys
from safelight import forms
from client.cli import app

log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
send = forms.send


def counted(form, content, client):
    os.write(log, (form.fields["key"] + "\\n").encode())
    send(form, content, client)


forms.send = counted
app()
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Many small images in folders, all different."""
    return made(tmp_path / "photos", PICTURES)


@pytest.fixture
def few_photos(tmp_path: Path) -> Path:
    """Fewer of them."""
    return made(tmp_path / "photos", FEW)


def made(folder: Path, count: int) -> Path:
    """Make images below a folder; return it."""
    for number in range(count):
        path = folder / str(number % 7) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(24 + number % 40, 16 + number // 40))
    return folder


def started(folder: Path, api_url: str, *more: str) -> subprocess.Popen[str]:
    """Start the command; always the same one."""
    kept = ["--out", "out", "--report", "report", "--checkpoint", "checkpoint.sqlite"]
    return subprocess.Popen(
        [sys.executable, "-c", COUNTED, str(folder / "uploads.log"), "ingest", "photos", *kept, "--json", *more],
        cwd=folder,
        env={**os.environ, "SAFELIGHT_API_URL": api_url, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_whole(folder: Path, api_url: str, count: int) -> None:
    """Every image has exactly one job, one result, and a line in a report that says it is complete."""
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
    """Return the keys of all uploads that were begun."""
    return (folder / "uploads.log").read_text().split()


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_an_ingest_that_is_killed_ten_times_is_whole_in_the_end(site: Site, photos: Path) -> None:
    """Whenever it dies, the same command goes on: one job for each file, and only what was under way is sent twice."""
    folder = photos.parent
    moments = random.Random(6)
    kills = 0
    for _ in range(KILLS):
        run = started(folder, site.stack.api_url)
        try:
            run.communicate(timeout=moments.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            kills += 1
            run.communicate()
    run = started(folder, site.stack.api_url)
    output, errors = run.communicate(timeout=5 * PATIENCE_SECONDS)
    assert run.returncode == 0, errors
    assert json.loads(output)["complete"]
    check_whole(folder, site.stack.api_url, PICTURES)
    assert kills >= KILLS // 2, "it was over before it could be killed"
    sent = Counter(uploads(folder))
    assert len(sent) == PICTURES
    assert sent.total() - PICTURES <= kills * MOST_UNDER_WAY


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnServer]:
    """Return an engine that a test may stop and kill."""
    own = own_server(request.config.getoption("--engine"), tmp_path / "server", monkeypatch)
    yield own
    own.remove()


@pytest.mark.faults
@pytest.mark.not_on("localstack", reason="its free edition keeps nothing when it is stopped")
@pytest.mark.timeout(900)
def test_an_ingest_whose_server_goes_away_stops_and_goes_on_later(server: OwnServer, few_photos: Path) -> None:
    """It says so in a sentence, with exit code 2, and how to go on; that loses nothing and makes nothing twice."""
    folder = few_photos.parent
    run = started(folder, server.up().api_url, "--patience", "3")
    until(lambda: (folder / "uploads.log").exists() and len(uploads(folder)) > FEW // 4)
    server.stop()
    check_gave_up(run)
    stack = server.up()
    again = started(folder, stack.api_url)
    _, errors = again.communicate(timeout=5 * PATIENCE_SECONDS)
    assert again.returncode == 0, errors
    check_whole(folder, stack.api_url, FEW)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_an_ingest_whose_server_is_killed_and_has_forgotten_it_begins_again(
    server: OwnServer, few_photos: Path
) -> None:
    """Killed, an engine falls back to its last orderly stop: the same command makes what is lost again, and ends."""
    folder = few_photos.parent
    server.up()
    server.stop()
    run = started(folder, server.up().api_url, "--patience", "3")
    until(lambda: (folder / "uploads.log").exists() and len(uploads(folder)) > FEW // 4)
    server.kill()
    check_gave_up(run)
    stack = server.up()
    for expected in ({0, 1}, {0}):
        again = started(folder, stack.api_url)
        _, errors = again.communicate(timeout=5 * PATIENCE_SECONDS)
        assert again.returncode in expected, errors
        assert "Traceback" not in errors
    report = json.loads((folder / "report" / "report.json").read_text())
    assert (report["complete"], report["succeeded"], report["jobs"]) == (True, FEW, FEW)
    assert sum(path.is_file() for path in (folder / "out").rglob("*")) == FEW
    with Safelight(stack.api_url) as client:
        (batch_id,) = [batch.id for batch in client.batches.list()]
        jobs = list(client.batches.items(batch_id))
    assert len({job.filename for job in jobs}) == len(jobs)
    assert {job.attempts for job in jobs} == {1}


def check_gave_up(run: subprocess.Popen[str]) -> None:
    """A run whose server is gone ends with a sentence that says how to go on."""
    _, errors = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 2, errors
    assert "Nothing is lost" in errors
    assert "Traceback" not in errors
