"""Check pinned packages for known vulnerabilities with pip-audit.

pip-audit reports no vulnerabilities for a package index without advisories, such as a mirror, and fails without network
access. This script reports both cases as SKIPPED.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Words in the errors of requests and pip-audit if the index cannot be reached.
CONNECTION_ERRORS: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
TIMEOUT_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result for one lock file."""

    failed: bool
    text: str


def create_verdict(name: str, code: int, out: str, err: str) -> Verdict:
    """Return the verdict for pip-audit's exit code, standard output (JSON) and standard error."""
    try:
        packages = json.loads(out)["dependencies"]
    except ValueError:
        if any(word in err for word in CONNECTION_ERRORS):
            return Verdict(failed=False, text=f"{name}: SKIPPED, the package index cannot be reached")
        last = err.strip().splitlines()[-1:] or ["no output"]
        return Verdict(failed=True, text=f"{name}: pip-audit failed: {last[0]}")
    vulnerabilities = [
        f"  {each['name']} {each['version']}: {hit['id']}, fixed in {', '.join(hit['fix_versions']) or 'no version'}"
        for each in packages
        for hit in each.get("vulns", ())
    ]
    if vulnerabilities:
        return Verdict(failed=True, text="\n".join([f"{name}: known vulnerabilities", *vulnerabilities]))
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if unknown and len(unknown) == len(packages):
        return Verdict(failed=False, text=f"{name}: SKIPPED, the package index has no advisories")
    if unknown or code:
        return Verdict(failed=True, text=f"{name}: no advisories for {', '.join(unknown) or 'unknown packages'}")
    return Verdict(failed=False, text=f"{name}: no known vulnerability in {len(packages)} packages")


def main(files: Sequence[str]) -> int:
    """Check each lock file. Return 1 if one has a known vulnerability or could not be checked."""
    failed = False
    for file in files:
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement", file]
        command += ["--format", "json", "--progress-spinner", "off"]
        completed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
        verdict = create_verdict(Path(file).stem, completed.returncode, completed.stdout, completed.stderr)
        sys.stdout.write(f"advisories, {verdict.text}\n")
        failed = failed or verdict.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
