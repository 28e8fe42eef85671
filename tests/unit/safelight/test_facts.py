"""``safelight facts``, and the option ``--facts``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from safelight.client import Safelight

JOB_ID = "01JD9ZK8V4M2Q6X3T5R7W9Y1AB"
Run = Callable[..., Any]


def query_of(request: Any) -> dict[str, list[str]]:
    """Return the query of a request."""
    return parse_qs(urlsplit(str(request.url)).query)


def test_facts_of_a_file_are_printed(invoke: Run, api: Any, image_file: Path) -> None:
    """Nested facts have dotted names, unknown facts are left out, and control characters are escaped."""
    result = invoke("facts", str(image_file))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "width\t2",
        "height\t1",
        "palette\t#ff0000, #0000ff",
        "camera.model\tEOS \\x1b[31m",
    ]
    assert json.loads(query_of(api.requests[0])["facts"][0]) == {"gps": False}


def test_job_is_deleted_afterwards(invoke: Run, api: Any, image_file: Path) -> None:
    """Unless it is kept."""
    assert invoke("facts", str(image_file)).exit_code == 0
    assert api.jobs == {}
    assert invoke("facts", str(image_file), "--keep").exit_code == 0
    assert len(api.jobs) == 1


def test_position_is_requested_with_an_option(invoke: Run, api: Any, image_file: Path) -> None:
    """The API returns it only then."""
    document = json.loads(invoke("facts", str(image_file), "--gps", "--json").stdout)
    assert json.loads(query_of(api.requests[0])["facts"][0]) == {"gps": True}
    (file,) = document["files"]
    assert (file["file"], file["facts"]["palette"], file["error"]) == (str(image_file), ["#ff0000", "#0000ff"], None)


def test_facts_of_a_job_are_read(invoke: Run, api: Any) -> None:
    """No job is created or deleted."""
    api.jobs[JOB_ID] = {"id": JOB_ID, "status": "COMPLETED", "done": True, "filename": "a.png", "facts": {"width": 7}}
    api.jobs[JOB_ID]["raw"] = {}
    result = invoke("facts", JOB_ID)
    assert result.stdout == "width\t7\n"
    assert [request.method for request in api.requests] == ["GET"]


def test_failed_file_does_not_stop_the_others(invoke: Run, api: Any, image_file: Path) -> None:
    """The exit code is 1, and the job is deleted, too."""
    broken = image_file.with_name("not-an-image.png")
    broken.write_bytes(image_file.read_bytes())
    result = invoke("facts", str(broken), str(image_file), "--json")
    assert result.exit_code == 1
    good, bad = json.loads(result.stdout)["files"]
    assert (good["error"], bad["facts"], bad["error"]["code"]) == (None, None, "FACTS_MISSING")
    assert api.jobs == {}


@pytest.mark.parametrize(("choice", "sent"), [("on", True), ("off", False), ("gps", {"gps": True})])
def test_submit_sends_the_option(invoke: Run, api: Any, image_file: Path, choice: str, sent: object) -> None:
    """As JSON in the query."""
    assert invoke("submit", str(image_file), "--facts", choice).exit_code == 0
    assert json.loads(query_of(api.requests[0])["facts"][0]) == sent


def test_client_has_facts_of_a_job(client: Safelight, image_file: Path) -> None:
    """They are typed, and facts of newer versions are kept."""
    job = client.wait(client.submit(image_file, options={"facts": {"gps": True}}).id)
    assert job.facts is not None
    assert (job.facts.width, job.facts.palette, job.facts.gps) == (2, ("#ff0000", "#0000ff"), None)
