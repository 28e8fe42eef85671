"""Copies of the working tree in which code is mutated, so that a run never changes the tree itself.

Each process of the pool has one copy. It loads the libraries once and forks for each mutant, because starting Python
and pytest takes longer than most tests.
"""

import compileall
import contextlib
import importlib
import importlib.util
import multiprocessing
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Final

import pytest
from mutants.mutant import ROOT, Mutant, OutdatedMutant

FOLDER: Final = ROOT / "build" / "mutants"
#: Not needed by the tests of any mutant, and large.
LEFT_OUT: Final = shutil.ignore_patterns(".*", "build", "dist", "node_modules", "demo-results", "*.egg-info")
#: Folders whose code the tests import.
COMPILED: Final = ("api", "shared", "worker", "notifier", "infra", "tests")
#: Libraries that many tests use. None of them imports our code.
PRELOADED: Final = (
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.metrics",
    "boto3.dynamodb.types",
    "botocore.session",
    "greenlet",
    "hypothesis.stateful",
    "moto",
    "moto.dynamodb.models",
    "moto.s3.models",
    "moto.sqs.models",
    "multipart",
    "PIL.ImageCms",
    "PIL.ImageDraw",
    "PIL.ImageFilter",
    "PIL.ImageOps",
    "pydantic",
    "pytest_timeout",
    "rfc8785",
    "ulid",
    "yaml",
    "zlib_ng.zlib_ng",
)
#: A mutant can make a loop endless. Then its tests count as failed.
MAX_SECONDS: Final = 30
#: The same for the real code, whose tests end. A busy machine needs more time for a whole file.
CHECK_SECONDS: Final = 600


class Verdict(StrEnum):
    """What the tests said about a mutant."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    #: The mutant does not fit the code, or no test has run because the mutated code can't be imported.
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One mutant and its verdict."""

    name: str
    verdict: Verdict
    #: Seconds that its tests took.
    seconds: float
    #: Output of pytest.
    output: str


def create_copies(count: int) -> list[Path]:
    """Copy the tree to ``build/mutants/NUMBER``, compiled; return the folders."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    first, *others = [FOLDER / str(number) for number in range(count)]
    shutil.copytree(ROOT, first, ignore=LEFT_OUT)
    for name in COMPILED:
        compileall.compile_dir(first / name, quiet=2, workers=0)
    for other in others:
        shutil.copytree(first, other)
    return [first, *others]


def enter_copy(folders: "multiprocessing.SimpleQueue[Path]") -> None:
    """Make this process run on one copy. Raises RuntimeError if the code of the tree would be imported instead."""
    folder = folders.get()
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(folder / "tests"), str(folder / "benchmarks")]
    # For the processes that tests start.
    os.environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        importlib.import_module(name)
    for name in COMPILED[:-1]:
        spec = importlib.util.find_spec(name)
        if spec is None or not str(spec.origin).startswith(str(folder)):
            raise RuntimeError(f"{name} would be imported from {spec and spec.origin}, not from {folder}")


def try_mutant(mutant: Mutant) -> Outcome:
    """Run the mutant's tests on the mutated copy."""
    path = Path(mutant.path)
    source = path.read_text("utf-8")
    try:
        mutated = mutant.apply(source)
    except (OutdatedMutant, SyntaxError) as error:
        return Outcome(mutant.name, Verdict.INVALID, 0, str(error))
    times = path.stat()
    began = monotonic()
    path.write_text(mutated, "utf-8")
    try:
        code, output = run_tests(mutant.tests)
    finally:
        path.write_text(source, "utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # the bytecode of the original is valid again
    verdict = {0: Verdict.SURVIVED, 1: Verdict.CAUGHT}.get(code, Verdict.INVALID)
    return Outcome(mutant.name, verdict, monotonic() - began, output)


def run_tests(tests: tuple[str, ...], seconds: float = MAX_SECONDS) -> tuple[int, str]:
    """Run tests on the copy until one fails; return pytest's exit code and output. Too slow counts as failed."""
    report = Path("report.txt")
    process = multiprocessing.get_context("fork").Process(target=_run_pytest, args=(tests, report))
    process.start()
    process.join(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, signal.SIGKILL)  # with all that the tests have started
    process.join()
    output = report.read_text("utf-8", "replace")
    return (
        (1, f"{output}\nnot finished within {seconds} s")
        if process.exitcode == -signal.SIGKILL
        else (
            process.exitcode or 0,
            output,
        )
    )


def _run_pytest(tests: tuple[str, ...], report: Path) -> None:
    """Run pytest in this process and end it with pytest's exit code."""
    os.setsid()
    with report.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # Plain assertions: the tests need not be compiled again.
    code = pytest.main(
        ["-x", "-q", "--thorough", "--assert=plain", "-p", "pytest_timeout", "-p", "no:cacheprovider", *tests]
    )
    sys.stdout.flush()
    os._exit(code)
