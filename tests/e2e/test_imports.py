"""Imports from another bucket on an engine that enforces roles, from listing to results."""

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
from support.running_stack import HTTP_SECONDS, MAX_WAIT_SECONDS, Site, run_site, wait_until
from support.sample_images import make_png

from safelight import Safelight
from safelight.errors import ApiError

#: More than two chunks of members.
IMAGES = 120
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()


@dataclass(frozen=True)
class ImportStack:
    """A stack that imports, and its source bucket."""

    site: Site
    bucket: str
    #: Another bucket, which is not in ImportBuckets.
    unlisted: str

    def put(self, key: str, data: bytes, *, bucket: str | None = None) -> str:
        """Store an object and return its URL."""
        self.site.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=data)
        return f"s3://{bucket or self.bucket}/{key}"

    def run(self, folder: Path, *arguments: str) -> tuple[int, Any]:
        """Run the command and return its exit code and JSON output."""
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
            timeout=5 * MAX_WAIT_SECONDS,
        )
        assert run.stdout, run.stderr
        return run.returncode, json.loads(run.stdout)


@pytest.fixture(scope="module")
def imports(
    request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImportStack]:
    """Yield a stack that imports from two buckets, of which one exists."""
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    bucket, unlisted = (f"{name}-{secrets.token_hex(4)}" for name in ("imports", "unlisted"))
    parameters = {"ImportBuckets": f"archive-of-nobody,{bucket}"}
    for site in run_site(tmp_path_factory.mktemp("imports"), engine, parameters, environment):
        for name in (bucket, unlisted):
            site.s3.create_bucket(Bucket=name)
        yield ImportStack(site, bucket, unlisted)


@pytest.mark.thorough  # test_walks.py imports a prefix too
def test_prefix_of_a_bucket_is_ingested(imports: ImportStack, tmp_path: Path) -> None:
    """Each object leads to one job and one result; a second run does nothing."""
    keys = [f"2026/{number % 7}/{number:04}.png" for number in range(IMAGES)]
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda pair: imports.put(pair[1], make_png(24 + pair[0] % 40, 16 + pair[0] // 40)), enumerate(keys)
            )
        )
    command = ("ingest", f"s3://{imports.bucket}/2026/", "--out", "out", "--width", "8")
    code, report = imports.run(tmp_path, *command)
    assert (code, report["files"], report["succeeded"]) == (0, IMAGES, IMAGES), report
    results = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png")}
    assert results == {key.removeprefix("2026/") for key in keys}
    with Safelight(imports.site.stack.api_url) as client:
        (batch_id,) = report["batches"]
        jobs = list(client.batches.items(batch_id))
        assert client.batches.get(batch_id).counts["completed"] == IMAGES
    assert sorted(str(job.raw.source) for job in jobs) == sorted(f"s3://{imports.bucket}/{key}" for key in keys)
    ids = {job.id for job in jobs}
    raw = [key for key in imports.site.keys("raw/") if key.split("/")[2] in ids]
    assert sorted(raw) == sorted(f"raw/import/{job_id}" for job_id in ids)
    assert imports.run(tmp_path, *command)[1]["jobs"] == IMAGES


def test_object_is_submitted_by_its_url(imports: ImportStack, tmp_path: Path) -> None:
    """With the command and with the library."""
    source = imports.put("chair with spaces+ü.png", make_png(40, 30))
    code, report = imports.run(tmp_path, "submit", source, "--out", "out", "--width", "10")
    assert (code, report["files"][0]["file"]) == (0, source), report
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["chair with spaces+ü.png"]
    with Safelight(imports.site.stack.api_url) as client:
        job = client.submit(source=source, options={"width": 5}, wait=20, filename="mine.png")
        job = client.wait(job.id, MAX_WAIT_SECONDS)  # on a busy machine, 20 s may not be enough
        assert (job.status, job.filename, job.raw.width, job.raw.source) == ("COMPLETED", "mine.png", 40, source)


def test_job_fails_if_its_source_changes(imports: ImportStack) -> None:
    """The job never uses other bytes."""
    source = imports.put("changing.png", make_png(40, 30))
    with Safelight(imports.site.stack.api_url) as client:
        with imports.site.pause_worker():
            job = client.submit(source=source)
            imports.put("changing.png", make_png(41, 30))
        job = client.wait(job.id, MAX_WAIT_SECONDS)
    assert (job.status, job.error and job.error.code) == ("FAILED", "SOURCE_CHANGED")


def test_copy_for_a_deleted_job_is_deleted(imports: ImportStack) -> None:
    """Whether the worker or the deletion is first."""
    site, source = imports.site, imports.put("large.jpg", LARGE)

    def delete_while_rendering() -> bool:
        with Safelight(site.stack.api_url) as client:
            # Large, so that rendering takes longer than the deletion.
            job_id = client.submit(source=source, options={"width": 3000, "enlarge": True, "format": "webp"}).id
            wait_until(lambda: client.status(job_id).status != "PENDING")
            client.delete(job_id)
        wait_until(lambda: any(job_id in line and '"outcome"' in line for line in site.read_log("worker")))
        assert [*site.keys(f"raw/import/{job_id}"), *site.keys(f"processed/{job_id}/")] == []
        return any(job_id in line and '"overtaken"' in line for line in site.read_log("worker"))

    wait_until(delete_while_rendering)


def test_only_configured_buckets_are_read(imports: ImportStack) -> None:
    """Neither other buckets nor images of other callers."""
    with Safelight(imports.site.stack.api_url, timeout=HTTP_SECONDS) as client:
        own = client.wait(client.submit(make_png(8, 8)).id, MAX_WAIT_SECONDS)
        keys = imports.site.keys(f"processed/{own.id}") + imports.site.keys(f"raw/api/{own.id}")
        assert len(keys) == 2
        sources = [f"s3://{imports.site.stack.bucket}/{key}" for key in keys]
        sources.append(imports.put("a.png", make_png(8, 8), bucket=imports.unlisted))
        for source, code in [
            *((each, "SOURCE_FORBIDDEN") for each in sources),
            (f"s3://{imports.bucket}/none.png", "SOURCE_MISSING"),
            ("s3://archive-of-nobody/none.png", "SOURCE_MISSING"),
        ]:
            with pytest.raises(ApiError) as refused:
                client.submit(source=source)
            assert refused.value.code == code
