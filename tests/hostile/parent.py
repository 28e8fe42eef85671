"""A process with a worker's sandbox that renders every file of a folder and prints each result.

Run as ``python parent.py FOLDER SECONDS``. It prints a JSON line for each file, and one at the end with the
peak of its own memory and the number of children that it needed.
"""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from shared.errors import SafelightError
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from worker.imaging import Limits
from worker.sandbox import Budget, Sandbox

MIB = 1024 * 1024
LIMITS = Limits(max_bytes=25 * MIB, max_pixels=50_000_000, max_side=16_384)


def main(folder: Path, seconds: int) -> None:
    """Render each file with the default pipeline."""
    budget = replace(Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=1), cpu_seconds=seconds)
    sandbox = Sandbox(budget, children=1, environment={})
    base = peak()
    for path in sorted(folder.iterdir()):
        started = time.monotonic()
        outcome = render(sandbox, path.read_bytes())
        tell(name=path.name, seconds=time.monotonic() - started, **outcome)
    sandbox.close()
    tell(base=base, peak=peak())


def tell(**facts: object) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")


def render(sandbox: Sandbox, data: bytes) -> dict[str, object]:
    """Return the result of one file, with its first output in hexadecimal."""
    try:
        rendered = sandbox.render(data, DEFAULT_PIPELINE, LIMITS)
    except SafelightError as error:
        return {"code": error.code, "detail": error.detail, "notes": getattr(error, "__notes__", [])}
    return {"code": "COMPLETED", "output": rendered.outputs[0][1].data.hex(), "warnings": rendered.warnings}


def peak() -> int:
    """Return the peak memory of this process, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
