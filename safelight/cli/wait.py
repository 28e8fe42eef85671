"""``safelight wait``: wait for jobs."""

import time

import typer

from safelight.cli.job_actions import Ids, print_jobs
from safelight.cli.options import (
    EXIT_PARTIAL_FAILURE,
    EXIT_STILL_RUNNING,
    EXIT_SUCCESS,
    ApiUrl,
    Json,
    Timeout,
    choose_exit_code,
)
from safelight.cli.wiring import connect
from safelight.errors import ClientError, Unreachable
from safelight.models import Job

EXAMPLES = """Examples:

safelight wait 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight wait 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --timeout 60 && safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""


def wait(
    context: typer.Context, ids: Ids, *, timeout: Timeout = None, api_url: ApiUrl = None, as_json: Json = False
) -> None:
    """Wait until jobs have ended, and show their status.

    The exit code is 0 if all jobs have completed, 1 if one has failed or is unknown, and 3 if one still runs.
    """
    jobs: list[Job] = []
    errors: dict[str, ClientError] = {}
    started = time.monotonic()
    with connect(context, api_url) as client:
        for job_id in dict.fromkeys(ids):
            left = None if timeout is None else max(0.0, started + timeout - time.monotonic())
            try:
                jobs.append(client.wait(job_id, left))
            except Unreachable:
                raise
            except ClientError as error:
                errors[job_id] = error
    print_jobs(jobs, errors, as_json=as_json)
    codes = {choose_exit_code(error) for error in errors.values()}
    codes |= {EXIT_SUCCESS if job.succeeded else EXIT_PARTIAL_FAILURE for job in jobs}
    # A job that still runs can be waited for again. So this code is only used if nothing else is wrong.
    failures = codes - {EXIT_SUCCESS, EXIT_STILL_RUNNING}
    raise typer.Exit(max(failures) if failures else max(codes))
