"""Run hand-written mutants: ``python -m mutants [WORD …]``, from the folder ``tests``.

Prints each verdict. The run fails if a mutant survives. Words select the mutants whose group or name contains one.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from time import monotonic

from mutants.catalog import load_groups
from mutants.mutant import Mutant
from mutants.workspace import CHECK_SECONDS, Outcome, Verdict, create_copies, enter_copy, run_tests, try_mutant


def main() -> None:
    """Run the mutants that the command line selects, and exit with 1 if one was not caught."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="run only mutants whose group or name contains it")
    parser.add_argument("-n", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: one per CPU)")
    parser.add_argument("-v", action="store_true", help="print the output of pytest")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without a mutant first")
    options = parser.parse_args()
    mutants = select_mutants(load_groups(), options.words)
    began = monotonic()
    outcomes = []
    for outcome in run_mutants(mutants, options.n, check=not options.unchecked):
        outcomes.append(outcome)
        print(f"{outcome.verdict:8} {outcome.seconds:5.1f} s  {outcome.name}", flush=True)
        if options.v or outcome.verdict is Verdict.INVALID:
            print(outcome.output)
    counts = {verdict: sum(each.verdict is verdict for each in outcomes) for verdict in Verdict}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), f"in {monotonic() - began:.0f} s")
    sys.exit(counts[Verdict.CAUGHT] != len(mutants))


def select_mutants(groups: Mapping[str, Sequence[Mutant]], words: Sequence[str]) -> list[Mutant]:
    """Return the mutants whose group or name contains one of the words; all if there are none."""
    return [
        mutant
        for group, mutants in groups.items()
        for mutant in mutants
        if not words or any(word == group or word in mutant.name for word in words)
    ]


def run_mutants(mutants: Sequence[Mutant], processes: int, *, check: bool = True) -> Iterator[Outcome]:
    """Check that the tests pass on the real code, then try each mutant. Raises RuntimeError if they don't."""
    context = multiprocessing.get_context("spawn")
    folders = context.SimpleQueue()
    for folder in create_copies(processes):
        folders.put(folder)
    tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
    files: dict[str, list[str]] = {}
    for test in tests if check else ():
        files.setdefault(test.partition("::")[0], []).append(test)
    with ProcessPoolExecutor(processes, context, enter_copy, (folders,)) as pool:
        for code, output in pool.map(partial(run_tests, seconds=CHECK_SECONDS), map(tuple, files.values())):
            if code != 0:
                raise RuntimeError(f"Tests fail without a mutant:\n{output}")
        yield from pool.map(try_mutant, mutants)


if __name__ == "__main__":
    main()
