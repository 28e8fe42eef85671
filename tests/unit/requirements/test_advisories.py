"""What pip-audit says is passed on, and what it could not look up is never called clean."""

import json
from typing import Any

import pytest

from requirements import advisories

HOLE = {"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": [], "description": "."}


def told(*packages: dict[str, Any]) -> str:
    """Write what pip-audit writes as JSON."""
    return json.dumps({"dependencies": [{"name": f"p{number}", **each} for number, each in enumerate(packages)]})


KNOWN: dict[str, Any] = {"version": "1.0", "vulns": []}
UNKNOWN: dict[str, Any] = {"skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("code", "out", "err", "failed", "word"),
    [
        (0, told(KNOWN, KNOWN), "", False, "no known hole in 2 packages"),
        (1, told(KNOWN, {**KNOWN, "vulns": [HOLE]}), "", True, "GHSA-1"),
        (1, told(UNKNOWN, {**KNOWN, "vulns": [HOLE]}), "", True, "GHSA-1"),
        (0, told(UNKNOWN, UNKNOWN), "", False, "SKIPPED"),
        (0, told(KNOWN, UNKNOWN), "", True, "p1"),
        (1, "", "Traceback\nrequests.exceptions.ConnectionError: nobody there", False, "SKIPPED"),
        (1, "", "ERROR:pip_audit:requirements file x.txt contains an unpinned requirement", True, "unpinned"),
        (1, "", "", True, "said nothing"),
    ],
    ids=["clean", "hole", "hole among unknown", "no advisories", "one unknown", "no network", "bad file", "silence"],
)
def test_what_is_not_known_is_not_clean(code: int, out: str, err: str, failed: bool, word: str) -> None:
    """Holes and broken files fail; where nothing could be looked up it says so and does not fail."""
    verdict = advisories.judge("api", code, out, err)
    assert (verdict.failed, word in verdict.text) == (failed, True)
