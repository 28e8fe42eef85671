"""Looks pinned packages up in the advisories of the Python Package Index, and says so when there are none to be had.

pip-audit does the looking up. It takes an index that has no advisories, such as a mirror, for one that knows no holes,
and breaks where there is no network; both must be seen here, and neither be mistaken for a clean bill.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: How pip-audit's last words tell that nobody answered, as requests and pip-audit name it.
NOT_REACHED: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one lock file."""

    failed: bool
    text: str


def judge(name: str, code: int, out: str, err: str) -> Verdict:
    """Read pip-audit's exit code, its JSON and its complaints."""
    try:
        packages = json.loads(out)["dependencies"]
    except ValueError:
        if any(word in err for word in NOT_REACHED):
            return Verdict(failed=False, text=f"{name}: SKIPPED, the advisories can't be reached")
        last = err.strip().splitlines()[-1:] or ["pip-audit said nothing"]
        return Verdict(failed=True, text=f"{name}: pip-audit failed: {last[0]}")
    holes = [
        f"  {each['name']} {each['version']}: {hole['id']}, fixed in {', '.join(hole['fix_versions']) or 'no version'}"
        for each in packages
        for hole in each.get("vulns", ())
    ]
    if holes:
        return Verdict(failed=True, text="\n".join([f"{name}: known holes", *holes]))
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if unknown and len(unknown) == len(packages):
        return Verdict(failed=False, text=f"{name}: SKIPPED, this index has no advisories")
    if unknown or code:
        return Verdict(failed=True, text=f"{name}: no advisories for {', '.join(unknown) or 'unknown packages'}")
    return Verdict(failed=False, text=f"{name}: no known hole in {len(packages)} packages")


def main(files: Sequence[str]) -> int:
    """Judge each lock file; return 1 if one is known to have a hole or could not be read."""
    failed = False
    for file in files:
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement", file]
        command += ["--format", "json", "--progress-spinner", "off"]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        verdict = judge(Path(file).stem, told.returncode, told.stdout, told.stderr)
        sys.stdout.write(f"advisories, {verdict.text}\n")
        failed = failed or verdict.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
