"""``safelight cancel``: cancel jobs."""

import typer

from safelight.cli.job_actions import Ids, run_on_jobs
from safelight.cli.options import ApiUrl, Json

EXAMPLES = """Examples:

safelight cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""


def cancel(context: typer.Context, ids: Ids, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Cancel jobs that have not ended. If a job can't be cancelled, the command continues with the next one."""
    run_on_jobs(context, api_url, ids, lambda client, job_id: client.cancel(job_id), as_json=as_json)
