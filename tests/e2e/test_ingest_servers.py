"""``safelight ingest`` while its server stops or loses its data."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ingest_runs import check_complete, check_stopped, make_images, start, start_held
from support.killable_engine import OwnServer, make_own_server
from support.running_stack import MAX_WAIT_SECONDS

from safelight.client import Safelight

#: More than a held run uploads.
FILES = 60


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with small, different images."""
    return make_images(tmp_path / "photos", FILES)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnServer]:
    """Yield an engine that a test may stop and kill."""
    own = make_own_server(request.config.getoption("--engine"), tmp_path / "server", monkeypatch)
    yield own
    own.remove()


@pytest.mark.thorough
@pytest.mark.faults
@pytest.mark.not_on("localstack", reason="its free edition stores nothing when it is stopped")
def test_ingest_stops_without_its_server_and_resumes_later(server: OwnServer, photos: Path) -> None:
    """It exits with 2 and shows how to resume. Nothing is lost or created twice."""
    folder = photos.parent
    run = start_held(folder, server.up().api_url)
    server.stop()
    check_stopped(run, folder)
    stack = server.up()
    again = start(folder, stack.api_url)
    _, errors = again.communicate(timeout=5 * MAX_WAIT_SECONDS)
    assert again.returncode == 0, errors
    check_complete(folder, stack.api_url, FILES)


@pytest.mark.thorough
@pytest.mark.faults
def test_ingest_starts_over_on_a_server_that_lost_its_data(server: OwnServer, photos: Path) -> None:
    """A killed engine restores the state of its last regular stop. The same command creates the lost jobs again."""
    folder = photos.parent
    server.up()
    server.stop()
    run = start_held(folder, server.up().api_url)
    server.kill()
    check_stopped(run, folder)
    stack = server.up()
    for expected in ({0, 1}, {0}):
        again = start(folder, stack.api_url)
        _, errors = again.communicate(timeout=5 * MAX_WAIT_SECONDS)
        assert again.returncode in expected, errors
        assert "Traceback" not in errors
    report = json.loads((folder / "report" / "report.json").read_text())
    assert (report["complete"], report["succeeded"], report["jobs"]) == (True, FILES, FILES)
    assert sum(path.is_file() for path in (folder / "out").rglob("*")) == FILES
    with Safelight(stack.api_url) as client:
        (batch_id,) = [batch.id for batch in client.batches.list()]
        jobs = list(client.batches.items(batch_id))
    assert len({job.filename for job in jobs}) == len(jobs)
