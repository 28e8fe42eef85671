"""Objects of another bucket, from a listing to results: copied by the engine, with every function held to its role."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.running_stack import PATIENCE_SECONDS, Site, running_site, until
from support.sample_images import png

from safelight import Safelight
from safelight.errors import ApiError

PICTURES = 300
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()


@dataclass(frozen=True)
class Shop:
    """A stack that imports, and a bucket that it imports from."""

    site: Site
    bucket: str
    #: Another bucket, which no setting names.
    closed: str

    def put(self, key: str, data: bytes, *, bucket: str | None = None) -> str:
        """Store an object; return its address."""
        self.site.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=data)
        return f"s3://{bucket or self.bucket}/{key}"

    def run(self, folder: Path, *arguments: str) -> tuple[int, Any]:
        """Run the command; return how it ended, and the document that it printed."""
        run = subprocess.run(
            [sys.executable, "-m", "safelight", *arguments, "--json"],
            cwd=folder,
            env={
                **os.environ,
                "SAFELIGHT_API_URL": self.site.stack.api_url,
                "SAFELIGHT_STATE_DIR": str(self.site.folder),
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=5 * PATIENCE_SECONDS,
        )
        assert run.stdout, run.stderr
        return run.returncode, json.loads(run.stdout)


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Bring up a stack that imports from two buckets, of which one is made here."""
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    bucket, closed = (f"{name}-{secrets.token_hex(4)}" for name in ("shop", "closed"))
    parameters = {"ImportBuckets": f"archive-of-nobody,{bucket}"}
    for site in running_site(tmp_path_factory.mktemp("shop"), engine, parameters, environment):
        for name in (bucket, closed):
            site.s3.create_bucket(Bucket=name)
        yield Shop(site, bucket, closed)


@pytest.mark.timeout(600)
def test_a_prefix_of_a_bucket_is_ingested(shop: Shop, tmp_path: Path) -> None:
    """A listing of 300 objects becomes 300 jobs and 300 results in their folders; a second run has nothing to do."""
    keys = [f"2026/{number % 7}/{number:04}.png" for number in range(PICTURES)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda pair: shop.put(pair[1], png(24 + pair[0] % 40, 16 + pair[0] // 40)), enumerate(keys)))
    command = ("ingest", f"s3://{shop.bucket}/2026/", "--out", "out", "--width", "8")
    code, report = shop.run(tmp_path, *command)
    assert (code, report["files"], report["succeeded"]) == (0, PICTURES, PICTURES), report
    results = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png")}
    assert results == {key.removeprefix("2026/") for key in keys}
    with Safelight(shop.site.stack.api_url) as client:
        (batch_id,) = report["batches"]
        jobs = list(client.batches.items(batch_id))
        assert client.batches.get(batch_id).counts["completed"] == PICTURES
    assert sorted(str(job.raw.source) for job in jobs) == sorted(f"s3://{shop.bucket}/{key}" for key in keys)
    assert len(shop.site.keys("raw/import/")) == PICTURES
    assert shop.site.keys("raw/bulk/") == []
    assert shop.run(tmp_path, *command)[1]["jobs"] == PICTURES


def test_an_object_is_submitted_by_its_name(shop: Shop, tmp_path: Path) -> None:
    """By the command and by the library; the bytes are those of the object."""
    source = shop.put("chair with spaces+ü.png", png(40, 30))
    code, told = shop.run(tmp_path, "submit", source, "--out", "out", "--width", "10")
    assert (code, told["files"][0]["file"]) == (0, source), told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["chair with spaces+ü.png"]
    with Safelight(shop.site.stack.api_url) as client:
        job = client.submit(source=source, options={"width": 5}, wait=20, filename="mine.png")
        assert (job.status, job.filename, job.raw.width, job.raw.source) == ("COMPLETED", "mine.png", 40, source)


def test_an_object_that_changes_before_it_is_copied_fails_its_job(shop: Shop) -> None:
    """The job is of the object that was there, and of no other."""
    source = shop.put("changing.png", png(40, 30))
    with Safelight(shop.site.stack.api_url) as client:
        with shop.site.without_worker():
            job = client.submit(source=source)
            shop.put("changing.png", png(41, 30))
        job = client.wait(job.id, PATIENCE_SECONDS)
    assert (job.status, job.error and job.error.code) == ("FAILED", "SOURCE_CHANGED")


def test_a_copy_for_a_job_that_is_deleted_meanwhile_is_cleared_away(shop: Shop) -> None:
    """Whoever is first, worker or owner: of a deleted job nothing is left."""
    site, source = shop.site, shop.put("large.jpg", LARGE)

    def overtaken() -> bool:
        with Safelight(site.stack.api_url) as client:
            # Large, so that there is time to delete it while it is rendered.
            job_id = client.submit(source=source, options={"width": 3000, "enlarge": True, "format": "webp"}).id
            until(lambda: client.status(job_id).status != "PENDING")
            client.delete(job_id)
        until(lambda: any(job_id in line and '"outcome"' in line for line in site.log_lines("worker")))
        assert [*site.keys(f"raw/import/{job_id}"), *site.keys(f"processed/{job_id}/")] == []
        return any(job_id in line and '"overtaken"' in line for line in site.log_lines("worker"))

    until(overtaken)


def test_only_buckets_of_the_setting_are_read(shop: Shop) -> None:
    """Neither other buckets of the account nor the images of other callers; and roles say so too."""
    with Safelight(shop.site.stack.api_url, retries=0) as client:
        own = client.wait(client.submit(png(8, 8)).id, PATIENCE_SECONDS)
        keys = shop.site.keys(f"processed/{own.id}") + shop.site.keys(f"raw/api/{own.id}")
        assert len(keys) == 2
        sources = [f"s3://{shop.site.stack.bucket}/{key}" for key in keys]
        sources.append(shop.put("a.png", png(8, 8), bucket=shop.closed))
        for source, code in [
            *((each, "SOURCE_FORBIDDEN") for each in sources),
            (f"s3://{shop.bucket}/none.png", "SOURCE_MISSING"),
            ("s3://archive-of-nobody/none.png", "SOURCE_MISSING"),
        ]:
            with pytest.raises(ApiError) as refused:
                client.submit(source=source)
            assert refused.value.code == code
