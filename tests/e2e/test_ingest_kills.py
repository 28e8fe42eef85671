"""``safelight ingest`` on a real engine: killed at random moments, and left by its server."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import pytest
from e2e_site import PATIENCE_SECONDS, Site, until
from pictures import png

from client.safelight import Safelight
from infra import local
from infra.engines import embedded
from infra.stack import Stack

PICTURES = 300
KILLS = 10
MOST_UNDER_WAY = 32
"""Uploads that one run has under way at most."""

COUNTED = """
import os, sys
from client import forms
from client.cli import app

log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
send = forms.send


def counted(form, content, client):
    os.write(log, (form.fields["key"] + "\\n").encode())
    send(form, content, client)


forms.send = counted
app()
"""
"""The command, which notes every upload before it begins."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Many small pictures in folders, all different."""
    for number in range(PICTURES):
        path = tmp_path / "photos" / str(number % 7) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(24 + number % 40, 16 + number // 40))
    return tmp_path / "photos"


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


def check_whole(folder: Path, api_url: str) -> None:
    """Every picture has exactly one job, one result, and a line in a report that says it is complete."""
    report = json.loads((folder / "report" / "report.json").read_text())
    assert report["complete"]
    assert (report["files"], report["succeeded"], report["jobs"]) == (PICTURES, PICTURES, PICTURES)
    (batch_id,) = report["batches"]
    with Safelight(api_url) as client:
        batch = client.batches.get(batch_id)
        jobs = list(client.batches.items(batch_id))
    assert (batch.closed, batch.done, batch.total) == (True, True, PICTURES)
    assert batch.counts["completed"] == PICTURES
    assert Counter(job.filename for job in jobs) == Counter({f"{number:04}.png": 1 for number in range(PICTURES)})
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
    check_whole(folder, site.stack.api_url)
    assert kills >= KILLS // 2, "it was over before it could be killed"
    sent = Counter(uploads(folder))
    assert len(sent) == PICTURES
    assert sent.total() - PICTURES <= kills * MOST_UNDER_WAY


@pytest.fixture
def own_stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Stack]]:
    """Return how to bring up a stack that a test may stop."""
    folder, engine = tmp_path / "stack", request.config.getoption("--engine")
    yield partial(local.up, folder, engine)
    local.down(folder, wipe=True)


@pytest.mark.faults
@pytest.mark.not_on("localstack", reason="its LocalStack is not ours to stop")
@pytest.mark.timeout(900)
def test_an_ingest_whose_server_goes_away_stops_and_goes_on_later(
    own_stack: Callable[[], Stack], photos: Path, tmp_path: Path
) -> None:
    """It says so in a sentence, with exit code 2, and how to go on; that loses nothing and makes nothing twice."""
    folder = photos.parent
    run = started(folder, own_stack().api_url, "--patience", "3")
    until(lambda: (folder / "uploads.log").exists() and len(uploads(folder)) > PICTURES // 4)
    local.down(tmp_path / "stack")
    _, errors = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 2, errors
    assert "Nothing is lost" in errors
    assert "Traceback" not in errors
    stack = own_stack()
    again = started(folder, stack.api_url)
    _, errors = again.communicate(timeout=5 * PATIENCE_SECONDS)
    assert again.returncode == 0, errors
    check_whole(folder, stack.api_url)


@pytest.mark.faults
@pytest.mark.not_on("localstack", reason="its LocalStack is not ours to stop")
@pytest.mark.timeout(900)
def test_an_ingest_whose_server_is_killed_and_has_forgotten_it_begins_again(
    own_stack: Callable[[], Stack], photos: Path, tmp_path: Path
) -> None:
    """Killed, the engine falls back to its last orderly stop: the same command makes what is lost again, and ends."""
    folder, state = photos.parent, tmp_path / "stack"
    own_stack()
    local.down(state)
    run = started(folder, own_stack().api_url, "--patience", "3")
    until(lambda: (folder / "uploads.log").exists() and len(uploads(folder)) > PICTURES // 4)
    record = embedded.Record.read(state / "engine.json")
    assert record is not None
    psutil.Process(record.pid).kill()
    _, errors = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 2, errors
    assert "Nothing is lost" in errors
    stack = own_stack()
    for expected in ({0, 1}, {0}):
        again = started(folder, stack.api_url)
        _, errors = again.communicate(timeout=5 * PATIENCE_SECONDS)
        assert again.returncode in expected, errors
        assert "Traceback" not in errors
    report = json.loads((folder / "report" / "report.json").read_text())
    assert (report["complete"], report["succeeded"], report["jobs"]) == (True, PICTURES, PICTURES)
    assert sum(path.is_file() for path in (folder / "out").rglob("*")) == PICTURES
    with Safelight(stack.api_url) as client:
        (batch_id,) = [batch.id for batch in client.batches.list()]
        jobs = list(client.batches.items(batch_id))
    assert len({job.filename for job in jobs}) == len(jobs)
    assert {job.attempts for job in jobs} == {1}
