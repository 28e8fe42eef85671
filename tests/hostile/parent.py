"""A process with a worker's sandbox that renders every file of a folder and prints each result.

Run as ``python parent.py FOLDER SECONDS``. It prints a JSON line for each file, and one at the end with the
peak of its own memory and the number of children that it needed.
"""

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

import psutil

from shared.errors import SafelightError
from shared.pipeline.facts import FactsRequest
from shared.pipeline.output import Output, OutputFormat
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline
from worker.imaging import Limits
from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

MIB = 1024 * 1024
#: Pipeline of files whose name ends with ``-to-webp``. A PNG output of an animation over the limits is its first frame.
TO_WEBP = DEFAULT_PIPELINE.model_copy(update={"outputs": (Output(format=OutputFormat.WEBP),)})
LIMITS = Limits(max_bytes=25 * MIB, max_pixels=50_000_000, max_side=16_384)


def main(folder: Path, seconds: int) -> None:
    """Render each file with the default pipeline."""
    # Only CPU time is limited, so that the results do not depend on how busy the machine is.
    budget = replace(Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=seconds), wall_seconds=3600)
    sandbox = Sandbox(budget, children=1, environment={})
    base = peak()
    for path in sorted(folder.iterdir()):
        before = read_cpu_time()
        pipeline = TO_WEBP if path.name.endswith("-to-webp") else DEFAULT_PIPELINE
        outcome = render(sandbox, path.read_bytes(), pipeline)
        tell(name=path.name, cpu_seconds=read_cpu_time() - before, **outcome)
    sandbox.close()
    tell(base=base, peak=peak())


def tell(**facts: object) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")


def render(sandbox: Sandbox, data: bytes, pipeline: Pipeline) -> dict[str, object]:
    """Return the result of one file, with its first output in hexadecimal."""
    try:
        rendered = sandbox.render(data, pipeline, LIMITS, facts=FactsRequest(gps=True))
    except SafelightError as error:
        return {"code": error.code, "detail": error.detail, "notes": getattr(error, "__notes__", [])}
    facts = rendered.facts.to_text() if rendered.facts else None
    output = rendered.outputs[0][1].data.hex()
    return {"code": "COMPLETED", "output": output, "warnings": rendered.warnings, "facts": facts}


def read_cpu_time() -> float:
    """Return the CPU time of all children, of those that have ended too, seconds."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return ended.ru_utime + ended.ru_stime + sum(times.user + times.system for times in running)


def peak() -> int:
    """Return the peak memory of this process, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
