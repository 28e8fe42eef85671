"""The loop that every Python contender runs: read a file, process it, write the result.

``python -m contenders.NAME JOB OUT_FOLDER FILE…``; without files it only starts up, which
tells what a start costs.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from contest import BY_NAME, BenchJob


def run(process: Callable[[bytes, BenchJob], bytes]) -> None:
    """Process each file that the command line names, one after the other."""
    _, name, out, *files = sys.argv
    job = BY_NAME[name]
    for index, file in enumerate(files):
        made = process(Path(file).read_bytes(), job)
        (Path(out) / f"{index}.{job.format}").write_bytes(made)
