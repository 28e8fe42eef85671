"""Render large collections of odd images in the sandbox, one after the other, and count how they end.

``python benchmarks/odd_images.py FOLDER… [--seconds 15]`` takes every file below the folders. It fails if
the parent dies, grows beyond the largest file, or if a file ends in anything but a result or an image's code.
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
#: What a result may take beside the raw image.
SPARE_BYTES = 64 * 1024 * 1024


def main() -> None:
    """Render and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--seconds", type=int, default=15, help="for each file, of the processor and of the clock")
    asked = parser.parse_args()
    files = [path for folder in asked.folders for path in sorted(folder.rglob("*")) if path.is_file()]
    *ends, last = run(files, asked.seconds)
    print("| Outcome | Files |\n| --- | ---: |")
    for code, count in Counter(end["code"] for end in ends).most_common():
        print(f"| `{code}` | {count} |")
    slowest = max(ends, key=lambda end: end["seconds"])
    grown = last["peak"] - last["base"]
    print(f"\n{len(ends)} files; the slowest took {slowest['seconds']:.1f} s ({slowest['code']}); the parent grew by"
          f" {grown / 2**20:.0f} MiB.")  # fmt: skip
    wrong = [end for end in ends if end["code"] not in CODES]
    for end in wrong:
        print(end, file=sys.stderr)
    largest = max(path.stat().st_size for path in files)
    if wrong or len(ends) != len(files) or grown > 3 * largest + SPARE_BYTES:
        sys.exit(1)


def run(files: Iterable[Path], seconds: int) -> list[dict[str, Any]]:
    """Render files in a sandbox whose parent is a process of its own; return what it tells of each, and of itself."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(files):
            (Path(folder) / f"{number:06}{path.suffix}").symlink_to(path.resolve())
        parent = ROOT / "tests" / "hostile" / "parent.py"
        told = subprocess.run(
            [sys.executable, str(parent), folder, str(seconds)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
    return [json.loads(line) for line in told.stdout.splitlines()]


if __name__ == "__main__":
    main()
