"""``safelight ingest`` on a real engine, killed at random requests."""

import json
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from support.ingest_runs import check_complete, make_images, start, uploads
from support.running_stack import MAX_WAIT_SECONDS, Site

FILES = 300
KILLS = 10
#: Most concurrent uploads of one run.
MAX_CONCURRENCY = 32


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with many small, different images."""
    return make_images(tmp_path / "photos", FILES)


@pytest.mark.faults
def test_ingest_is_complete_after_ten_kills(site: Site, photos: Path) -> None:
    """The same command resumes: each file has one job, and only interrupted uploads are repeated."""
    folder = photos.parent
    requests = random.Random(6)
    for _ in range(KILLS):
        # Each file needs two requests, so no run gets to the end.
        run = start(folder, site.stack.api_url, KILLED_AFTER=requests.randint(1, 2 * FILES // KILLS))
        run.communicate(timeout=MAX_WAIT_SECONDS)
        assert run.returncode == -signal.SIGKILL
    run = start(folder, site.stack.api_url)
    output, errors = run.communicate(timeout=5 * MAX_WAIT_SECONDS)
    assert run.returncode == 0, errors
    assert json.loads(output)["complete"]
    check_complete(folder, site.stack.api_url, FILES)
    sent = Counter(uploads(folder))
    assert len(sent) == FILES
    assert sent.total() - FILES <= KILLS * MAX_CONCURRENCY
