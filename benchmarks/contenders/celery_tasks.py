"""Celery, used as in tutorials: a task reads a file, processes it with Pillow and writes the result."""

import os
from pathlib import Path

from bench_jobs import BY_NAME
from celery import Celery
from contenders.tutorial import process

ADDRESS = os.environ.get("BENCHMARK_REDIS", "")
app = Celery("benchmark", broker=ADDRESS, backend=ADDRESS)
app.conf.broker_connection_retry_on_startup = True
JOB = BY_NAME["default"]


@app.task  # type: ignore[untyped-decorator] # Celery has no stubs
def render_file(source: str, target: str) -> str:
    """Process one file with the default job and return the path of the result."""
    Path(target).write_bytes(process(Path(source).read_bytes(), JOB))
    return target
