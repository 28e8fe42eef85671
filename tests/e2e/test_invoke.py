"""``safelight invoke``: a function of a real stack runs in the terminal, also under the debugger."""

import json
import os
import subprocess
import sys

import pytest
from support import sample_images
from support.running_stack import Site, count_attempts, wait_until

from safelight.address import STATE_DIR_VARIABLE

#: Enough for a start of Python on a busy machine.
SECONDS = 300


def invoke(site: Site, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with what a person types into the debugger."""
    environment = os.environ | {STATE_DIR_VARIABLE: str(site.folder), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "safelight", "invoke", *arguments],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def submit_waiting(site: Site) -> str:
    """Return a new job that no worker of the engine takes, because its messages are paused."""
    return str(site.submit(sample_images.make_jpeg())["id"])


def test_a_job_is_processed_in_the_terminal(site: Site) -> None:
    """With the settings of the deployed worker. Afterwards, the engine delivers messages again."""
    with site.pause_worker():
        job_id = submit_waiting(site)
        done = invoke(site, "worker", "--job", job_id)
        assert done.returncode == 0, done.stderr + done.stdout
        assert json.loads(done.stdout.splitlines()[-1]) == {"batchItemFailures": []}
        job = site.job(job_id)
        assert (job["status"], count_attempts(job)) == ("COMPLETED", 1)
    again = invoke(site, "worker", "--job", job_id)
    assert (again.returncode, "COMPLETED" in again.stderr) == (2, True)
    assert site.wait_until_done(submit_waiting(site))["status"] == "COMPLETED"


@pytest.mark.thorough
def test_the_debugger_stops_at_an_exception(site: Site) -> None:
    """Of a damaged image, where it was raised, although the worker catches it. The job is retried for this."""
    damaged = sample_images.make_jpeg()[:400]
    job_id = site.submit(damaged)["id"]
    failed = site.wait_until_done(job_id)
    assert failed["status"] == "FAILED"
    done = invoke(site, "worker", "--job", job_id, "--pdb", typed="where\np type(data), len(data)\nquit\n")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "(Pdb)" in done.stdout
    assert "worker/imaging/" in done.stdout
    wait_until(lambda: site.job(job_id)["status"] == "FAILED")
    assert site.job(job_id)["error"]["code"] == failed["error"]["code"]


@pytest.mark.thorough
def test_breakpoints_stop_the_thread_of_an_image(site: Site) -> None:
    """The recipe of docs/development.md, from the first line of the handler to the function that renders."""
    with site.pause_worker():
        job_id = submit_waiting(site)
        commands = ("break worker.imaging.render", "continue", "p pipeline.outputs", "continue")
        typed = "\n".join(("import worker.imaging", *commands, ""))
        done = invoke(site, "worker", "--job", job_id, "--trace", typed=typed)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "worker/imaging/render.py" in done.stdout
    assert "Output(" in done.stdout
    assert site.job(job_id)["status"] == "COMPLETED"


@pytest.mark.thorough
def test_scheduled_functions_need_no_event(site: Site) -> None:
    """Others say what they need."""
    done = invoke(site, "reconciler")
    assert done.returncode == 0, done.stderr + done.stdout
    missing = invoke(site, "api")
    assert (missing.returncode, "--event" in missing.stderr) == (2, True)
    unknown = invoke(site, "worker", "--job", "01JD9ZK8V4M2Q6X3T5R7W9Y1AB")
    assert (unknown.returncode, unknown.stderr.strip()) == (2, "There is no job 01JD9ZK8V4M2Q6X3T5R7W9Y1AB.")


@pytest.mark.thorough
def test_any_event_can_be_sent_to_a_function(site: Site) -> None:
    """From standard input."""
    event = {"httpMethod": "GET", "path": "/v1/health", "resource": "/{proxy+}", "headers": {}, "requestContext": {}}
    done = invoke(site, "api", "--event", "-", typed=json.dumps(event))
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["statusCode"] == 200
