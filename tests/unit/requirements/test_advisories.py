"""Tests of the verdicts on pip-audit's output."""

import json
from typing import Any

import pytest

from requirements import advisories

VULNERABILITY = {"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": [], "description": "."}


def format_output(*packages: dict[str, Any]) -> str:
    """Return JSON as pip-audit prints it."""
    return json.dumps({"dependencies": [{"name": f"p{number}", **each} for number, each in enumerate(packages)]})


KNOWN: dict[str, Any] = {"version": "1.0", "vulns": []}
UNKNOWN: dict[str, Any] = {"skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("code", "out", "err", "failed", "word"),
    [
        (0, format_output(KNOWN, KNOWN), "", False, "no known vulnerability in 2 packages"),
        (1, format_output(KNOWN, {**KNOWN, "vulns": [VULNERABILITY]}), "", True, "GHSA-1"),
        (1, format_output(UNKNOWN, {**KNOWN, "vulns": [VULNERABILITY]}), "", True, "GHSA-1"),
        (0, format_output(UNKNOWN, UNKNOWN), "", False, "SKIPPED"),
        (0, format_output(KNOWN, UNKNOWN), "", True, "p1"),
        (1, "", "Traceback\nrequests.exceptions.ConnectionError: no route to host", False, "SKIPPED"),
        (1, "", "ERROR:pip_audit:requirements file x.txt contains an unpinned requirement", True, "unpinned"),
        (1, "", "", True, "no output"),
    ],
    ids=[
        "clean",
        "vulnerable",
        "vulnerable and unknown",
        "no advisories",
        "one unknown",
        "no network",
        "bad file",
        "no output",
    ],
)
def test_unchecked_packages_are_not_reported_as_clean(code: int, out: str, err: str, failed: bool, word: str) -> None:
    """Vulnerabilities and invalid files fail. Without advisories or network, the check is skipped."""
    verdict = advisories.create_verdict("api", code, out, err)
    assert (verdict.failed, word in verdict.text) == (failed, True)
