"""Receipts and deletion statements on an engine, with the command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site

pytestmark = pytest.mark.e2e
PHOTO = (Path(__file__).parents[2] / "safelight" / "demo_images" / "coffee-sideways.jpg").read_bytes()
OUTPUTS = [{"name": name, "format": name} for name in ("png", "jpeg", "webp", "avif", "gif", "tiff")]
PIPELINE = {"operations": [{"op": "resize", "width": 200, "height": 200}], "outputs": OUTPUTS}


def run_safelight(site: Site, *arguments: str) -> tuple[int, str]:
    """Run the command and return its exit code and output."""
    command = [sys.executable, "-m", "safelight", *arguments, "--api-url", site.stack.api_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HTTP_SECONDS)
    return done.returncode, done.stdout


def verify(site: Site, job_id: str, *options: str) -> tuple[int, dict[str, str]]:
    """Verify a job and return the exit code and the state of each finding."""
    code, printed = run_safelight(site, "verify", job_id, "--json", *options)
    assert printed, f"exit code {code}"
    findings: list[dict[str, Any]] = json.loads(printed)["findings"]
    return code, {each["what"]: each["state"] for each in findings}


def test_verify_reproduces_outputs_and_finds_changes(site: Site, tmp_path: Path) -> None:
    """All six formats are reproduced bit by bit; changed and missing objects are found."""
    job_id = site.submit(PHOTO, pipeline=json.dumps(PIPELINE))["id"]
    job = site.wait_until_done(job_id)
    assert job["status"] == "COMPLETED"
    receipt = str(tmp_path / "receipt.json")
    assert run_safelight(site, "receipt", job_id, "-o", receipt)[0] == 0
    code, states = verify(site, job_id)
    assert len(states) == 3 + 2 * len(OUTPUTS)
    # LocalStack runs the functions with another Python version; the outputs are still identical.
    assert states.pop("software") in ({"same"} if site.stack.engine == "embedded" else {"same", "other"})
    assert (code, set(states.values())) == (0, {"same"})

    folder = f"processed/{job_id}/{job['attempts']}"
    site.s3.put_object(Bucket=site.stack.bucket, Key=f"{folder}/webp.webp", Body=sample_images.make_png())
    site.s3.delete_object(Bucket=site.stack.bucket, Key=f"{folder}/gif.gif")
    code, states = verify(site, job_id)
    assert (code, states["output webp"], states["output gif"]) == (1, "changed", "missing")
    assert (states["again webp"], states["again gif"]) == ("same", "same")

    site.s3.put_object(Bucket=site.stack.bucket, Key=f"raw/api/{job_id}", Body=sample_images.make_jpeg())
    code, states = verify(site, job_id)
    assert (code, states["raw"], states["again png"]) == (1, "changed", "not-done")

    assert run_safelight(site, "delete", job_id)[0] == 0
    assert run_safelight(site, "verify", job_id)[0] == 1
    code, states = verify(site, job_id, "--receipt", receipt)
    assert (code, states["receipt"], states["raw"], states["output png"]) == (1, "same", "missing", "missing")


def test_repeated_delete_prints_the_same_statement(site: Site) -> None:
    """Also when the job is already deleted."""
    job_id = site.submit(sample_images.make_jpeg())["id"]
    site.wait_until_done(job_id)
    keys = {*site.keys(f"raw/api/{job_id}"), *site.keys(f"processed/{job_id}/")}
    code, printed = run_safelight(site, "delete", job_id, "--json")
    assert code == 0
    assert {each["key"] for each in json.loads(printed)["deleted"][0]["objects"]} == keys
    assert run_safelight(site, "delete", job_id, "--json") == (0, printed)
