"""The API conforms to its OpenAPI document."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.running_stack import HTTP_SECONDS, Site

from safelight import Safelight
from shared.clock import utc_now

TESTS = Path(__file__).parents[1]
#: All checks of schemathesis except those for authentication, which is off here, and ``positive_data_acceptance``:
#: a schema cannot express rules between two fields or the content of an image.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
)


def run_schemathesis(  # noqa: PLR0917 - the parts of a command
    folder: Path,
    document: Any,
    url: str,
    checks: Sequence[str],
    options: Sequence[str],
    hooks: str = "support.conformance_hooks",
) -> subprocess.CompletedProcess[str]:
    """Send generated requests to the API below ``url``."""
    (folder / "openapi.json").write_text(json.dumps(document), "utf-8")
    return subprocess.run(
        (
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
            *("--url", url),
            *("--checks", ",".join(checks)),
            *("--max-redirects", "0", "--seed", "1", "--no-color", "--continue-on-failure"),
            *("--request-timeout", str(HTTP_SECONDS)),
            *options,
        ),
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent))),
            "SCHEMATHESIS_HOOKS": hooks,
            "PYTHONHASHSEED": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.not_on("localstack", reason="its gateway answers some malformed requests itself")
@pytest.mark.parametrize(
    "phases",
    [
        pytest.param("examples,fuzzing", marks=pytest.mark.thorough),
        pytest.param("coverage", marks=pytest.mark.thorough),  # 7,000 requests
        "stateful",
    ],
)
def test_responses_match_the_openapi_document(
    site: Site,
    tmp_path: Path,
    phases: str,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """No 5xx, undocumented status or schema violation, for single operations and for sequences."""
    sequences = "50" if request.config.getoption("--thorough") else "20"
    examples = sequences if phases == "stateful" else "5"
    document = site.http.get("openapi.json").json()
    options = ("--phases", phases, "--max-examples", examples)
    run = run_schemathesis(
        tmp_path, document, document["servers"][0]["variables"]["baseUrl"]["default"], CHECKS, options
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    found = re.search(r"(\d+) generated, \d+ passed|(\d+) generated", run.stdout)
    operations = re.search(r"Tested: (\d+)", run.stdout)
    assert found
    assert operations
    record_property("shown", f"schemathesis, {phases}: {operations[1]} operations, {found[0]}")


#: Lists of what only an owner can create.
OWNED = ("batches", "presets", "assets", "webhooks", "tokens")


@pytest.mark.not_on("localstack", reason="its gateway answers some malformed requests itself")
@pytest.mark.thorough
def test_a_token_can_do_only_what_it_says(
    site: Site, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Generated requests to every route with an upload token: 403 for all but its own, and exact counts.

    Without ``--thorough``, ``integration/test_upload_tokens.py`` sends one request to every route.
    """
    since = utc_now().isoformat()
    token = site.http.post("tokens", json={"preset": "thumbnail", "max_files": 3}).raise_for_status().json()
    before = {name: site.http.get(name).json() for name in OWNED}
    document = site.http.get("openapi.json").json()
    run = run_schemathesis(
        tmp_path,
        document,
        token["url"].removesuffix("/v1"),
        ("not_a_server_error", "status_code_conformance", "only_what_the_token_says"),
        (
            *("--phases", "examples,fuzzing", "--max-examples", "10"),
            *("--header", f"Authorization: Bearer {token['token']}"),
        ),
        "support.token_hooks",
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    after = {name: site.http.get(name).json() for name in OWNED}
    used = site.http.get(f"tokens/{token['id']}").json()
    with Safelight(site.stack.api_url) as client:
        mine = [each for each in client.list_jobs(since=since) if each.token_id == token["id"]]
    assert 1 <= used["files"] == len(mine) <= token["max_files"]
    assert {each.preset.name for each in mine if each.preset} == {"thumbnail"}
    for name in OWNED:
        names = [[each.get("id", each.get("name")) for each in listed[name]] for listed in (before[name], after[name])]
        assert names[0] == names[1]
    found = re.search(r"(\d+) generated", run.stdout)
    record_property("shown", f"schemathesis with a token: {found and found[0]}")
