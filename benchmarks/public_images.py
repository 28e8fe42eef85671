"""Compare rendered public image files with independent decoders.

``python benchmarks/public_images.py FOLDER…`` renders every file below the folders in the sandbox, without operations,
and compares the PNG with what libvips, Chromium, tifffile (TIFF), avifdec (AVIF) and heif-convert (HEIC) decode. It
prints the files that differ from all of them, those that fail although a reference decodes them, and the numbers of
files by format. It exits with 1 if a file crashes a child or differs without a reason in ``public_images.json``.

Files that no reference decodes are not judged. libvips applies no CICP, and Chromium has no TIFF or HEIC, so one
reference is enough for agreement.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import numpy as np
from animations import compare_with_browser, is_animation, make_player
from playwright.sync_api import Browser
from reference_decoders import Decode, Pixels, decode_with_vips, open_browser, open_references

from shared.errors import ImageError, SafelightError
from shared.pipeline.image_formats import detect_format
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits
from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

EXCEPTIONS: Final = Path(__file__).with_suffix(".json")
MIB: Final = 1024 * 1024
LIMITS: Final = Limits(max_bytes=25 * MIB, max_pixels=50_000_000, max_side=16_384)
#: Largest difference of a channel, on black or on white, that counts as equal.
TOLERANCE: Final = 6
#: Rows that are compared at once.
_ROWS: Final = 512


class Verdict(StrEnum):
    """The result for one file, in the order of the table's columns."""

    EQUAL = "equal to a reference"
    EXCEPTION = "different, for a listed reason"
    UNKNOWN = "rendered, not by a reference"
    REFUSED = "failed, also in all references"
    FAILED = "failed, not in a reference"
    DIFFERENT = "different"
    CRASH = "crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much two images differ, of 255, on black or on white. Both are 255 if the sizes differ."""

    largest: int
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """What was found about one file."""

    path: str
    digest: str
    format: str
    verdict: Verdict
    #: Code of the error, or an empty text.
    code: str = ""
    #: Message of the error, warnings, or the reason of an exception.
    detail: str = ""
    #: By name of the reference. A reference that can't decode the file is absent.
    differences: Mapping[str, Difference]

    def __str__(self) -> str:
        """Return one line for the list of outliers."""
        found = ", ".join(f"{name} {each.largest}/{each.mean:.2f}" for name, each in self.differences.items())
        return f"{self.verdict}: {self.path} {self.format} [{found}] {self.code} {self.detail}".rstrip()


def compare(first: Pixels, second: Pixels) -> Difference:
    """Compare two images of RGBA on black and on white."""
    if first.shape != second.shape:
        return Difference(largest=255, mean=255.0)
    largest, total = 0, 0.0
    for start in range(0, len(first), _ROWS):
        pair = [each[start : start + _ROWS].astype(np.float32) for each in (first, second)]
        black = [each[..., :3] * (each[..., 3:] / 255) for each in pair]
        on_black = np.abs(black[0] - black[1])
        white = [dark + 255 - each[..., 3:] for dark, each in zip(black, pair, strict=True)]
        worse = np.maximum(on_black, np.abs(white[0] - white[1]))
        largest = max(largest, int(np.rint(worse.max(initial=0))))
        total += float(worse.sum(dtype=np.float64))
    return Difference(largest=largest, mean=total / max(1, first[..., :3].size))


class Judge:
    """Renders files and compares the results with the references."""

    def __init__(self, sandbox: Sandbox, references: Mapping[str, Decode], exceptions: list[dict[str, Any]]) -> None:
        """Keep what ``judge`` uses."""
        self._sandbox = sandbox
        self._references = references
        self._exceptions = exceptions

    def judge(self, path: Path) -> Judgment:
        """Render a file and compare it with one reference after the other, until one agrees."""
        data = path.read_bytes()
        image_format = detect_format(data)
        judgment = Judgment(
            path=f"{path.parent.name}/{path.name}",
            digest=compute_digest(data),
            format=image_format.name if image_format else "other",
            verdict=Verdict.CRASH,
            differences={},
        )
        try:
            rendered = self._sandbox.render(data, Pipeline(), LIMITS)
        except ImageError as error:
            failed = replace(judgment, code=error.code, detail=error.detail)
            decodes = {name: Difference(largest=255, mean=255) for name in self._list_decoders(data)}
            return replace(failed, verdict=Verdict.FAILED if decodes else Verdict.REFUSED, differences=decodes)
        except SafelightError as error:
            return replace(judgment, code=error.code, detail=f"{error.detail} {getattr(error, '__notes__', '')}")
        judgment = replace(judgment, detail=" ".join(rendered.warnings))
        pixels = decode_with_vips(rendered.outputs[0][1].data)
        return self._compare(judgment, pixels, data)

    def _list_decoders(self, data: bytes) -> Iterator[str]:
        """Yield the first reference that decodes a file, if there is one."""
        for name, decode in self._references.items():
            if decode(data) is not None:
                yield name
                return

    def _compare(self, judgment: Judgment, pixels: Pixels, data: bytes) -> Judgment:
        differences: dict[str, Difference] = {}
        for name, decode in self._references.items():
            expected = decode(data)
            if expected is not None:
                differences[name] = compare(pixels, expected)
                if differences[name].largest <= TOLERANCE:
                    return replace(judgment, verdict=Verdict.EQUAL, differences=differences)
        if not differences:
            return replace(judgment, verdict=Verdict.UNKNOWN)
        reason = self._find_reason(judgment)
        if reason:
            return replace(judgment, verdict=Verdict.EXCEPTION, differences=differences, detail=reason)
        return replace(judgment, verdict=Verdict.DIFFERENT, differences=differences)

    def _find_reason(self, judgment: Judgment) -> str:
        """Return why a file may differ, or an empty text."""
        for exception in self._exceptions:
            names = (fnmatchcase(judgment.path, pattern) for pattern in exception.get("names", ()))
            warnings = (each in judgment.detail for each in exception.get("warnings", ()))
            if judgment.digest in exception.get("digests", ()) or any(names) or any(warnings):
                return str(exception["reason"])
        return ""


def main() -> None:
    """Judge all files. Exit with 1 if a file crashes a child or differs without a reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders with images")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th file")
    parser.add_argument("--first", type=int, help="take only the first n of these, the smallest")
    parser.add_argument("--seconds", type=int, default=30, help="CPU time limit per file")
    parser.add_argument("--results", type=Path, help="append JSON lines, and continue the run that they are from")
    parser.add_argument("--animations", action="store_true", help="also compare all frames of animations")
    arguments = parser.parse_args()
    found = (path for folder in arguments.folders for path in folder.rglob("*") if path.is_file())
    # Small files first, so that most results come early.
    files = sorted(found, key=lambda path: (path.stat().st_size, path))[:: arguments.every][: arguments.first]
    # Only CPU time is limited, so that the results do not depend on how busy the machine is.
    budget = replace(Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=arguments.seconds), wall_seconds=3600)
    judgments = read_results(arguments.results)
    with open_browser() as browser, open_references(browser) as references:
        sandbox = Sandbox(budget, children=1, environment={})
        judge = Judge(sandbox, references, json.loads(EXCEPTIONS.read_text()))
        for path in files:
            digest = compute_digest(path.read_bytes())
            # Test suites copy files from each other.
            if digest not in judgments:
                judgments[digest] = judge.judge(path)
                report(judgments[digest], arguments.results)
        sandbox.close()
        if arguments.animations:
            compare_animations(browser, files)
    print_counts(list(judgments.values()))
    sys.exit(any(each.verdict in {Verdict.DIFFERENT, Verdict.CRASH} for each in judgments.values()))


def compute_digest(data: bytes) -> str:
    """Return the start of the SHA-256 digest of a file, by which the exceptions name it."""
    return hashlib.sha256(data).hexdigest()[:16]


def read_results(results: Path | None) -> dict[str, Judgment]:
    """Return the judgments of an interrupted run by the digest of the file."""
    if results is None or not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        found = {name: Difference(**each) for name, each in line["differences"].items()}
        line.update(verdict=Verdict(line["verdict"]), differences=found)
    return {line["digest"]: Judgment(**line) for line in lines}


def report(judgment: Judgment, results: Path | None) -> None:
    """Print an outlier, and append the judgment to the file of results."""
    if judgment.verdict in {Verdict.FAILED, Verdict.DIFFERENT, Verdict.CRASH}:
        print(judgment, flush=True)
    if results:
        with results.open("a") as file:
            file.write(json.dumps(asdict(judgment)) + "\n")


def compare_animations(browser: Browser, files: list[Path]) -> None:
    """Compare the frames, durations and plays of all animations with those of Chromium, and print the differences."""
    player = make_player(browser)
    counts = {"equal": 0, "different": 0}
    for path in files:
        data = path.read_bytes()
        if is_animation(data):
            comparison = compare_with_browser(player, data, 40)
            counts["equal" if comparison.is_equal else "different"] += 1
            if not comparison.is_equal:
                print(f"animation: {path.name}: difference {comparison.difference}; {comparison.problem}", flush=True)
    print(f"Animations: {counts['equal']} equal, {counts['different']} different")


def print_counts(judgments: list[Judgment]) -> None:
    """Print the numbers of files by format and verdict, and of errors by code."""
    formats = sorted({each.format for each in judgments})
    counts = Counter((each.format, each.verdict) for each in judgments)
    print("\n| Format | Files | " + " | ".join(name.capitalize() for name in Verdict) + " |")
    print("| --- | ---: |" + " ---: |" * len(Verdict))
    for name in (*formats, None):
        row = [sum(counts[each, verdict] for each in formats if name in {each, None}) for verdict in Verdict]
        print(f"| {name or 'All'} | {sum(row)} | " + " | ".join(map(str, row)) + " |")
    codes = Counter((each.code, str(each.verdict)) for each in judgments if each.code)
    print("\n" + "\n".join(f"{code}, {verdict}: {count}" for (code, verdict), count in codes.most_common()))


if __name__ == "__main__":
    main()
