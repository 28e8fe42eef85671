"""``safelight cancel``, ``retry`` and ``delete``: what one may do to jobs afterwards."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cli.options import ALL_WELL, COULD_NOT_RUN, SOME_FAILED, ApiUrl, Json, read_pipeline
from safelight.cli.wiring import connect

if TYPE_CHECKING:
    from safelight.client import Safelight
    from safelight.models import Deletion, Job

CANCEL_EXAMPLES = """Example:

safelight cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""
RETRY_EXAMPLES = """Examples:

safelight retry 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight retry 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --pipeline @smaller.json"""
DELETE_EXAMPLES = """Example:

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --json > what-went.json"""

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="The jobs.", show_default=False)]


def cancel(context: typer.Context, ids: Ids, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """End jobs that have not ended. One that has is a failure of its own and stops no other."""
    _each(context, api_url, ids, lambda client, job_id: client.cancel(job_id), as_json=as_json)


def retry(
    context: typer.Context,
    ids: Ids,
    pipeline: Annotated[str | None, typer.Option("--pipeline", metavar="JSON|@FILE", help="Another one.")] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Begin failed or cancelled jobs again."""
    other: dict[str, Any] | None = read_pipeline(pipeline)
    _each(context, api_url, ids, lambda client, job_id: client.retry(job_id, pipeline=other), as_json=as_json)


def delete(context: typer.Context, ids: Ids, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Erase jobs: their images, all that was made of them, their records. This can't be undone.

    With --json it prints what went, what stays and until when; also for jobs that were deleted before.
    """
    _each(context, api_url, ids, lambda client, job_id: client.delete(job_id), as_json=as_json)


def _each(
    context: typer.Context,
    api_url: str | None,
    ids: Sequence[str],
    action: "Callable[[Safelight, str], Job | Deletion]",
    *,
    as_json: bool,
) -> None:
    from safelight.cli.commands.acting import act, deletions_of, jobs_of, show_deleted  # noqa: PLC0415 - --help must not wait for httpx and rich
    from safelight.cli.commands.looking import show_jobs  # noqa: PLC0415

    with connect(context, api_url) as client:
        done, errors = act(client, ids, action)
    if deletions := deletions_of(done):
        show_deleted(deletions, errors, as_json=as_json)
    else:
        show_jobs(jobs_of(done), errors, as_json=as_json)
    if not errors:
        raise typer.Exit(ALL_WELL)
    unreachable = not done and all(error.code == "UNREACHABLE" for error in errors.values())
    raise typer.Exit(COULD_NOT_RUN if unreachable else SOME_FAILED)
