"""Render large collections of unusual and broken images in the sandbox and count the outcomes.

``python benchmarks/odd_images.py FOLDER… [--seconds 15]`` renders every file below the folders. It fails if the parent
process crashes, if its memory grows by more than the size of the largest file, or if rendering a file raises an error
other than an ImageError.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from process_usage import ROOT

from shared.errors import ImageError, error_classes

CODES = {error.code for error in error_classes(ImageError)} | {"COMPLETED"}
#: Bytes of memory that the outputs may take in addition to the raw image.
SPARE_BYTES = 64 * 1024 * 1024


def main() -> None:
    """Render all files and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders with images")
    parser.add_argument("--seconds", type=int, default=15, help="CPU and elapsed time limit per file")
    arguments = parser.parse_args()
    files = [path for folder in arguments.folders for path in sorted(folder.rglob("*")) if path.is_file()]
    *outcomes, parent = run(files, arguments.seconds)
    print("| Outcome | Files |\n| --- | ---: |")
    for code, count in Counter(outcome["code"] for outcome in outcomes).most_common():
        print(f"| `{code}` | {count} |")
    slowest = max(outcomes, key=lambda outcome: outcome["seconds"])
    growth = parent["peak"] - parent["base"]
    print(f"\n{len(outcomes)} files; the slowest took {slowest['seconds']:.1f} s ({slowest['code']});"
          f" the parent process grew by {growth / 2**20:.0f} MiB.")  # fmt: skip
    unexpected = [outcome for outcome in outcomes if outcome["code"] not in CODES]
    for outcome in unexpected:
        print(outcome, file=sys.stderr)
    largest = max(path.stat().st_size for path in files)
    if unexpected or len(outcomes) != len(files) or growth > 3 * largest + SPARE_BYTES:
        sys.exit(1)


def run(files: Iterable[Path], seconds: int) -> list[dict[str, Any]]:
    """Render files in a sandbox with a separate parent process.

    Return the reports of the parent process: one for each file, then one about itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(files):
            (Path(folder) / f"{number:06}{path.suffix}").symlink_to(path.resolve())
        parent = ROOT / "tests" / "hostile" / "parent.py"
        completed = subprocess.run(
            [sys.executable, str(parent), folder, str(seconds)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
    return [json.loads(line) for line in completed.stdout.splitlines()]


if __name__ == "__main__":
    main()
