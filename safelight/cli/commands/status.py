"""``safelight status``: show the status of jobs."""

import typer

from safelight.cli.job_actions import Ids, run_on_jobs
from safelight.cli.options import ApiUrl, Json

EXAMPLES = """Examples:

safelight status 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight status 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --json | jq -r '.jobs[].status'"""


def status(context: typer.Context, ids: Ids, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Show the status of jobs. The exit code is 0 if every job was found, even if a job failed."""
    run_on_jobs(context, api_url, ids, lambda client, job_id: client.status(job_id), as_json=as_json)
