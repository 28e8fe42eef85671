"""``safelight retry``: retry jobs."""

from typing import Annotated

import typer

from safelight.cli.job_actions import Ids, run_on_jobs
from safelight.cli.options import ApiUrl, Json, read_pipeline

EXAMPLES = """Examples:

safelight retry 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight retry 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --pipeline @smaller.json"""


def retry(
    context: typer.Context,
    ids: Ids,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            metavar="JSON|@FILE",
            help="Pipeline as JSON, to use instead of the job's pipeline. Pass the JSON text itself, @FILE to "
            "read a file, or @- to read standard input.",
        ),
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Retry failed or cancelled jobs."""
    other = read_pipeline(pipeline)
    run_on_jobs(context, api_url, ids, lambda client, job_id: client.retry(job_id, pipeline=other), as_json=as_json)
