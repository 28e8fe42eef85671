"""``safelight delete``: delete jobs."""

import typer

from safelight.cli.job_actions import Ids, run_on_jobs
from safelight.cli.options import ApiUrl, Json

EXAMPLES = """Examples:

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --json > deleted.json"""


def delete(context: typer.Context, ids: Ids, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Delete jobs, their images and their records.

    This can't be undone. --json prints what was deleted, what remains, and how long it remains. If a job was
    deleted in the last 30 days, the command prints the same output again.
    """
    run_on_jobs(context, api_url, ids, lambda client, job_id: client.delete(job_id), as_json=as_json, is_deletion=True)
