"""``safelight ingest`` on a real engine, killed at random requests."""

import json
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from support.ingest_runs import check_complete, make_images, start, uploads
from support.running_stack import MAX_WAIT_SECONDS, Site

#: Files and kills, without and with ``--thorough``.
RUNS = {False: (30, 2), True: (300, 10)}
#: Most concurrent uploads of one run.
MAX_CONCURRENCY = 32


@pytest.mark.faults
def test_ingest_is_complete_after_kills(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The same command resumes: each file has one job, and only interrupted uploads are repeated."""
    files, kills = RUNS[request.config.getoption("--thorough")]
    folder = make_images(tmp_path / "photos", files).parent
    requests = random.Random(6)
    for _ in range(kills):
        # Each file needs two requests, so no run gets to the end.
        run = start(folder, site.stack.api_url, KILLED_AFTER=requests.randint(1, 2 * files // kills))
        run.communicate(timeout=MAX_WAIT_SECONDS)
        assert run.returncode == -signal.SIGKILL
    run = start(folder, site.stack.api_url)
    output, errors = run.communicate(timeout=5 * MAX_WAIT_SECONDS)
    assert run.returncode == 0, errors
    assert json.loads(output)["complete"]
    check_complete(folder, site.stack.api_url, files)
    sent = Counter(uploads(folder))
    assert len(sent) == files
    assert sent.total() - files <= kills * MAX_CONCURRENCY
