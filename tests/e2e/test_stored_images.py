"""Jobs from the stored image of another job on an engine that enforces roles."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, post_form

pytestmark = pytest.mark.e2e
PHOTO = (Path(__file__).parents[2] / "safelight" / "demo_images" / "coffee-sideways.jpg").read_bytes()


def run_safelight(site: Site, *arguments: str) -> str:
    """Run the command, which must succeed, and return its output."""
    command = [sys.executable, "-m", "safelight", *arguments, "--api-url", site.stack.api_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HTTP_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_versions_of_an_image_are_independent(site: Site, tmp_path: Path) -> None:
    """The command makes a version of an image from a request and of one from a form. Each version is verified."""
    first = site.submit(PHOTO, filename="coffee.jpg", preset="thumbnail")["id"]
    upload = site.create_upload(filename="coffee.jpg", content_type="image/jpeg")
    assert post_form(upload["upload"], PHOTO).is_success
    assert site.http.post(f"uploads/{upload['id']}/confirm").status_code == 202
    for source in (first, upload["id"]):
        assert site.wait_until_done(source)["status"] == "COMPLETED"
        arguments = ("submit", f"job:{source}", "--width", "100", "--format", "webp", "--out", str(tmp_path / source))
        (outcome,) = json.loads(run_safelight(site, *arguments, "--json"))["files"]
        job = outcome["job"]
        assert (job["status"], job["filename"], job["raw"]["source"]) == ("COMPLETED", "coffee.jpg", f"job:{source}")
        assert job["raw"]["digest"] == hashlib.sha256(PHOTO).hexdigest()
        assert (tmp_path / source / "coffee.webp").stat().st_size == job["result"]["size"]
        run_safelight(site, "delete", source)
        assert not [key for prefix in ("raw/", "processed/") for key in site.keys(prefix) if source in key]
        run_safelight(site, "verify", job["id"])
        again = site.http.post("jobs", json={"source": f"job:{job['id']}"}, headers={"Prefer": "wait=20"}).json()
        assert site.wait_until_done(again["id"])["raw"]["digest"] == job["raw"]["digest"]


def test_a_source_that_is_not_stored_is_refused(site: Site) -> None:
    """The role of the function can't list the bucket, so S3 answers 403 for a missing object."""
    job_id = site.submit(sample_images.make_png())["id"]
    assert site.wait_until_done(job_id)["status"] == "COMPLETED"
    site.s3.delete_object(Bucket=site.stack.bucket, Key=f"raw/api/{job_id}")
    answer = site.http.post("jobs", json={"source": f"job:{job_id}"})
    assert (answer.status_code, answer.json()["code"]) == (410, "RAW_IMAGE_MISSING")
    site.http.delete(f"jobs/{job_id}")
    answer = site.http.post("jobs", json={"source": f"job:{job_id}"})
    assert (answer.status_code, answer.json()["code"]) == (422, "JOB_NOT_FOUND")
