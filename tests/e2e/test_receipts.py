"""Receipts and statements of deletion on a real engine, by the command as people run it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import sample_images
from support.running_stack import Site

pytestmark = pytest.mark.e2e
PHOTO = (Path(__file__).parents[2] / "safelight" / "demo_images" / "coffee-sideways.jpg").read_bytes()
OUTPUTS = [{"name": name, "format": name} for name in ("png", "jpeg", "webp", "avif", "gif", "tiff")]
PIPELINE = {"operations": [{"op": "resize", "width": 200, "height": 200}], "outputs": OUTPUTS}


def safelight(site: Site, *arguments: str) -> tuple[int, str]:
    """Run the command against the stack; return its exit code and what it printed."""
    command = [sys.executable, "-m", "safelight", *arguments, "--api-url", site.stack.api_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def verified(site: Site, job_id: str, *options: str) -> tuple[int, dict[str, str]]:
    """Verify a job; return the exit code and the states by thing."""
    code, printed = safelight(site, "verify", job_id, "--json", *options)
    assert printed, f"exit code {code}"
    findings: list[dict[str, Any]] = json.loads(printed)["findings"]
    return code, {each["what"]: each["state"] for each in findings}


def test_a_receipt_is_reproduced_and_what_was_changed_is_found(site: Site, tmp_path: Path) -> None:
    """All six formats once more, bit for bit; then a result, the raw image and the job itself are tampered with."""
    job_id = site.submit(PHOTO, pipeline=json.dumps(PIPELINE))["id"]
    assert site.finished(job_id)["status"] == "COMPLETED"
    kept = str(tmp_path / "receipt.json")
    assert safelight(site, "receipt", job_id, "-o", kept)[0] == 0
    code, states = verified(site, job_id)
    assert len(states) == 3 + 2 * len(OUTPUTS)
    # A Python of another version runs the functions of LocalStack; the bits are the same all the same.
    assert states.pop("software") in ({"same"} if site.stack.engine == "embedded" else {"same", "other"})
    assert (code, set(states.values())) == (0, {"same"})

    site.s3.put_object(Bucket=site.stack.bucket, Key=f"processed/{job_id}/1/webp.webp", Body=sample_images.png())
    site.s3.delete_object(Bucket=site.stack.bucket, Key=f"processed/{job_id}/1/gif.gif")
    code, states = verified(site, job_id)
    assert (code, states["output webp"], states["output gif"]) == (1, "changed", "missing")
    assert (states["again webp"], states["again gif"]) == ("same", "same")

    site.s3.put_object(Bucket=site.stack.bucket, Key=f"raw/api/{job_id}", Body=sample_images.jpeg())
    code, states = verified(site, job_id)
    assert (code, states["raw"], states["again png"]) == (1, "changed", "not-done")

    assert safelight(site, "delete", job_id)[0] == 0
    assert safelight(site, "verify", job_id)[0] == 2
    code, states = verified(site, job_id, "--receipt", kept)
    assert (code, states["receipt"], states["raw"], states["output png"]) == (1, "same", "missing", "missing")


def test_a_deletion_is_stated_twice_alike(site: Site) -> None:
    """The command prints what went; so it does for a job that is gone already."""
    job_id = site.submit(sample_images.jpeg())["id"]
    site.finished(job_id)
    keys = {*site.keys(f"raw/api/{job_id}"), *site.keys(f"processed/{job_id}/")}
    code, printed = safelight(site, "delete", job_id, "--json")
    assert code == 0
    assert {each["key"] for each in json.loads(printed)["deleted"][0]["objects"]} == keys
    assert safelight(site, "delete", job_id, "--json") == (0, printed)
