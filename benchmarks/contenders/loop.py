"""The main loop of every Python contender: read a file, process it, write the result.

``python -m contenders.NAME JOB OUT_FOLDER FILE…`` processes the files. Without files, only the start is measured.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from bench_jobs import BY_NAME, BenchJob


def run(process: Callable[[bytes, BenchJob], bytes]) -> None:
    """Process each file of the command line in turn."""
    _, name, out, *files = sys.argv
    job = BY_NAME[name]
    for index, file in enumerate(files):
        result = process(Path(file).read_bytes(), job)
        (Path(out) / f"{index}.{job.format}").write_bytes(result)
