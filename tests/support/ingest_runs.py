"""Runs of ``safelight ingest`` that a test interrupts."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from support.running_stack import MAX_WAIT_SECONDS, wait_until
from support.sample_images import make_png

from safelight.client import Safelight

#: Uploads that a held run starts.
HELD_AFTER = 30

#: Runs the command and logs every upload before it starts. KILLED_AFTER is the number of requests after which it kills
#: itself, while others are in progress. All but the first HELD_AFTER uploads wait until the file "held" is deleted.
CHANGED_COMMAND = """
import itertools, os, pathlib, signal, sys, time
import httpx
from safelight.cli.app import app
from safelight.ingest import engine
from safelight.transport import upload_form

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets commands in the background ignore Ctrl-C
log = os.open("uploads.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
killed_after = int(os.environ.get("KILLED_AFTER", "0"))
requests, uploads = itertools.count(1), itertools.count(1)
held_after = int(os.environ.get("HELD_AFTER", "0"))
send, send_request = upload_form.send, httpx.Client.send


def log_and_send(form, content, client):
    key = form.fields["key"] if hasattr(form, "fields") else httpx.URL(form.url).path
    os.write(log, (key + "\\n").encode())
    while held_after and next(uploads) > held_after and pathlib.Path("held").exists():
        time.sleep(0.05)
    send(form, content, client)


def send_and_count(client, request, **more):
    response = send_request(client, request, **more)
    if next(requests) == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)
    return response


engine.FIRST_RESPONSE_SECONDS = 600.0  # a busy machine starts the first function slowly
upload_form.send, httpx.Client.send = log_and_send, send_and_count
app()
"""


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


def start_held(folder: Path, api_url: str) -> subprocess.Popen[str]:
    """Start the command, and wait until it has uploaded some of the files and holds the others."""
    (folder / "held").touch()
    runs = [start(folder, api_url, "--patience", "10", HELD_AFTER=HELD_AFTER)]

    def holds() -> bool:
        if runs[-1].poll() is not None:  # a busy server did not answer within the patience
            runs[-1].communicate()
            runs.append(start(folder, api_url, "--patience", "10", HELD_AFTER=HELD_AFTER))
        return (folder / "uploads.log").exists() and len(uploads(folder)) > HELD_AFTER

    wait_until(holds)
    return runs[-1]


def check_stopped(run: subprocess.Popen[str], folder: Path) -> None:
    """Check that a run whose server is gone stops and prints how to resume."""
    (folder / "held").unlink()
    _, errors = run.communicate(timeout=MAX_WAIT_SECONDS)
    assert run.returncode == 2, errors
    assert "To resume, run: " in errors
    assert "Traceback" not in errors
