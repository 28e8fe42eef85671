"""Backfills with the command on an engine: interrupted and resumed without duplicates."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from support import sample_images
from support.running_stack import MAX_WAIT_SECONDS, Site, wait_until

pytestmark = pytest.mark.e2e
#: Above two chunks. 500 take some minutes longer.
IMAGES = int(os.environ.get("SAFELIGHT_BACKFILL", "105"))


def make_command(site: Site, *arguments: str) -> list[str]:
    """Return the command line of a backfill."""
    return [sys.executable, "-m", "safelight", "backfill", *arguments, "--api-url", site.stack.api_url]


def list_members(site: Site, batch_id: str) -> list[dict[str, Any]]:
    """Return all members of a batch."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = site.http.get(f"batches/{batch_id}/items", params=query).raise_for_status().json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.thorough  # test_walks.py has a backfill too
def test_interrupted_backfill_is_resumed(site: Site) -> None:
    """Each stored image gets exactly one new job."""
    since = datetime.now(UTC).isoformat()
    with ThreadPoolExecutor(4) as threads:
        data = [sample_images.make_jpeg(16 + number % 40, 16 + number // 40) for number in range(IMAGES)]
        ids = [job["id"] for job in threads.map(site.submit, data)]
    wait_until(lambda: all(site.item(job_id)["Status"]["S"] == "COMPLETED" for job_id in ids))

    stopped = subprocess.Popen(
        make_command(site, "--preset", "thumbnail", "--since", since, "--no-wait"), stderr=subprocess.PIPE, text=True
    )
    assert stopped.stderr is not None
    batch_id = stopped.stderr.readline().split("\t")[0]
    wait_until(lambda: site.http.get(f"batches/{batch_id}").raise_for_status().json()["total"] > 0)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(MAX_WAIT_SECONDS) in {0, 130}
    stopped.stderr.close()

    done = subprocess.run(
        make_command(site, "--resume", batch_id, "--json"),
        capture_output=True,
        text=True,
        check=False,
        timeout=MAX_WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    batch = json.loads(done.stdout)
    assert (batch["done"], batch["total"], batch["counts"]["completed"]) == (True, IMAGES, IMAGES)
    assert batch["backfill"]["skipped"] == 0
    created = list_members(site, batch_id)
    sources = Counter(job["raw"]["source"].removeprefix("job:") for job in created)
    assert sources == Counter(ids)
    assert {job["preset"]["name"] for job in created} == {"thumbnail"}
    assert site.http.delete(f"jobs/{ids[0]}").status_code == 200
    (copy,) = (job for job in created if job["raw"]["source"].endswith(ids[0]))
    assert site.http.get(f"jobs/{copy['id']}/raw", follow_redirects=True).status_code == 200
