"""The Postman collection in docs/postman, run by newman against a stack."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import sample_images
from support.running_stack import Site

ROOT = Path(__file__).parents[2]
NEWMAN = ROOT / "tests" / "postman" / "node_modules" / "newman" / "bin" / "newman.js"


@pytest.mark.thorough
def test_every_request_of_the_collection_succeeds(
    site: Site, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Including the required flow: base64 text in, 200 with the image key."""
    if shutil.which("node") is None or not NEWMAN.exists():
        assert not os.environ.get("CI"), "newman is missing: Node.js, and `make` to install it"
        pytest.skip("newman is not installed: it needs Node.js")
    # The collection waits ten seconds for a job. On a busy machine, the first start of a worker can take longer.
    site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
    report, pages = tmp_path / "report.json", ROOT / "docs" / "postman"
    run = subprocess.run(
        (
            *("node", NEWMAN, "run", pages / "safelight.postman_collection.json"),
            *("--environment", pages / "local.postman_environment.json", "--env-var", f"api_url={site.stack.api_url}"),
            *("--reporters", "cli,json", "--reporter-json-export", report, "--color", "off"),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    done = json.loads(report.read_text("utf-8"))["run"]["stats"]
    record_property(
        "shown", f"newman: {done['requests']['total']} requests, {done['assertions']['total']} assertions, none failed"
    )
    assert done["assertions"]["total"] > done["requests"]["total"]
