"""A local stack of its own for tests, started and stopped by the ``safelight`` command in another process.

The code of the stack never enters the process of the tests, so a project can have its own packages ``api`` and
``shared``.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack

from safelight.address import API_URL_VARIABLE, STATE_DIR_VARIABLE
from safelight.client import Safelight
from safelight.job_options import JobOptions
from safelight.local_images import Image
from safelight.models import Job

#: Credentials and region of a local engine.
AWS_VARIABLES = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class StackNotStarted(Exception):
    """The local stack did not start. The message is the output of ``safelight up``."""


@dataclass(frozen=True)
class LocalStack:
    """A running stack, with the names that ``safelight up --json`` prints."""

    #: URL of the API, which ends in ``/v1``.
    api_url: str
    #: URL of the engine's AWS services, for ``AWS_ENDPOINT_URL``.
    endpoint_url: str
    #: URL of the web page.
    ui_url: str
    #: Name of the bucket with raw and processed images.
    bucket: str
    #: Name of the table with the jobs.
    table: str
    #: A client of the API.
    client: Safelight = field(repr=False)
    #: All that ``safelight up --json`` prints, such as the names of queues and functions.
    outputs: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return variables with which the client, the AWS SDKs and the AWS CLI of another process use this stack."""
        return {API_URL_VARIABLE: self.api_url, "AWS_ENDPOINT_URL": self.endpoint_url, **AWS_VARIABLES}

    def process(self, image: Image, *, preset: str | None = None, **options: Unpack[JobOptions]) -> Job:
        """Submit an image, wait until its job has ended, and return the job, whether it has completed or not."""
        return self.client.wait(self.client.submit(image, preset=preset, **options).id)

    def read_result(self, job: Job, output: str | None = None) -> bytes:
        """Return the bytes of a processed image, by default of the first output."""
        with TemporaryDirectory() as folder:
            return self.client.download(job.id, Path(folder, "result"), output).read_bytes()


@contextmanager
def run_stack(folder: Path, parameters: Mapping[str, str] | None = None) -> Iterator[LocalStack]:
    """Start a stack with its state in ``folder``, yield it, and delete it with all its data.

    ``parameters`` are template parameters. Raises StackNotStarted.
    """
    arguments = [f"--parameter={name}={value}" for name, value in (parameters or {}).items()]
    try:
        found = json.loads(_run(folder, "up", "--json", *arguments))
        with Safelight(found["api_url"]) as client:
            named = {name: found[name] for name in ("api_url", "endpoint_url", "ui_url", "bucket", "table")}
            yield LocalStack(**named, client=client, outputs=found)
    finally:
        _run(folder, "down", "--wipe")


def _run(folder: Path, *arguments: str) -> str:
    """Return the output of the ``safelight`` command. Raises StackNotStarted if it fails."""
    command = [sys.executable, "-P", "-m", "safelight", *arguments]
    environment = os.environ | {STATE_DIR_VARIABLE: str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise StackNotStarted(done.stderr.strip() or f"safelight {arguments[0]} failed.")
    return done.stdout
