"""The API conforms to its OpenAPI document."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.running_stack import Site

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


@pytest.mark.not_on("localstack", reason="its gateway answers some malformed requests itself")
@pytest.mark.parametrize(
    ("phases", "examples"),
    [
        ("examples,fuzzing", "2"),
        pytest.param("examples,fuzzing", "5", marks=pytest.mark.thorough),
        pytest.param("coverage", "5", marks=pytest.mark.thorough),  # 7,000 requests
        ("stateful", "50"),
    ],
)
def test_responses_match_the_openapi_document(
    site: Site,
    tmp_path: Path,
    phases: str,
    examples: str,
    record_property: Callable[[str, object], None],
) -> None:
    """No 5xx, undocumented status or schema violation, for single operations and for sequences."""
    document = site.http.get("openapi.json").json()
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    run = subprocess.run(
        (
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
            *("--url", document["servers"][0]["variables"]["baseUrl"]["default"]),
            *("--phases", phases),
            *("--checks", ",".join(CHECKS)),
            *("--max-examples", examples, "--max-redirects", "0", "--seed", "1", "--no-color", "--continue-on-failure"),
        ),
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(TESTS), "SCHEMATHESIS_HOOKS": "support.conformance_hooks", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    found = re.search(r"(\d+) generated, \d+ passed|(\d+) generated", run.stdout)
    operations = re.search(r"Tested: (\d+)", run.stdout)
    assert found
    assert operations
    record_property("shown", f"schemathesis, {phases}: {operations[1]} operations, {found[0]}")
