"""The running API keeps to the OpenAPI document that it gives out."""

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
#: All that schemathesis has, but ``positive_data_acceptance``: rules between two fields, and what an image's bytes
#: hold, can't be said in a schema; and those for authentication, which is off here.
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


@pytest.mark.timeout(400)
@pytest.mark.not_on("localstack", reason="its gateway answers some malformed requests itself")
@pytest.mark.parametrize(("phases", "examples"), [("examples,coverage,fuzzing", "5"), ("stateful", "50")])
def test_the_api_keeps_to_its_document(
    site: Site, tmp_path: Path, phases: str, examples: str, record_property: Callable[[str, object], None]
) -> None:
    """No 5xx, no undocumented status or type, no breach of a schema, over each operation and over chains of them."""
    document = site.http.get("openapi.json").json()
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    run = subprocess.run(
        (
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
            *("--url", document["servers"][0]["url"]),
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
