"""Actions on several jobs. If the action on one job fails, the other jobs are still processed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.options import EXIT_NOT_RUN, EXIT_PARTIAL_FAILURE, EXIT_SUCCESS, require_job_ids
from safelight.cli.rendering import documents, lines, tables, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.errors import ClientError, Unreachable
from safelight.models import Deletion, Job

#: Fields of a line about a job, and about a deleted job.
_JOB_COLUMNS, _DELETION_COLUMNS = 8, 5

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Job IDs.", show_default=False, callback=require_job_ids)]


def run_on_jobs(  # noqa: PLR0913 - the last two have to be named
    context: typer.Context,
    api_url: str | None,
    ids: Sequence[str],
    action: Callable[[Safelight, str], Job | Deletion],
    *,
    as_json: bool,
    is_deletion: bool = False,
) -> None:
    """Apply an action to each job, print the jobs and errors, and exit with the matching code."""
    results: list[Job | Deletion] = []
    errors: dict[str, ClientError] = {}
    with connect(context, api_url) as client:
        for job_id in dict.fromkeys(ids):
            try:
                results.append(action(client, job_id))
            except Unreachable as error:
                errors[job_id] = error
                break
            except ClientError as error:
                errors[job_id] = error
    deletions = [each for each in results if isinstance(each, Deletion)]
    if deletions or is_deletion:
        _print_deletions(deletions, errors, as_json=as_json)
    else:
        print_jobs([each for each in results if isinstance(each, Job)], errors, as_json=as_json)
    if not errors:
        raise typer.Exit(EXIT_SUCCESS)
    unreachable = not results and all(error.code == "UNREACHABLE" for error in errors.values())
    raise typer.Exit(EXIT_NOT_RUN if unreachable else EXIT_PARTIAL_FAILURE)


def print_jobs(jobs: Sequence[Job], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    """Print jobs as JSON, as a table on a terminal, or as lines. Errors go to standard error."""
    console = Console()
    if as_json:
        documents.print_document({"jobs": [job.document() for job in jobs], "errors": _error_documents(errors)})
    elif console.is_terminal:
        if jobs:
            tables.print_jobs(jobs, console)
        elif not errors:
            print_text("There are no such jobs.")
        _print_details(jobs)
    else:
        for job in jobs:
            typer.echo(lines.format_job(job))
        for job_id, error in errors.items():
            typer.echo(lines.format_missing(job_id, error, _JOB_COLUMNS))
    _print_errors(errors)


def _print_deletions(deletions: Sequence[Deletion], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    if as_json:
        deleted = [each.document() for each in deletions]
        documents.print_document({"deleted": deleted, "errors": _error_documents(errors)})
    else:
        console = Console()
        rows = [(each.id, "DELETED", "-", str(each.object_count), text.format_size(each.bytes)) for each in deletions]
        if rows:
            tables.print_rows(("ID", "Status", "Code", "Objects", "Size"), rows, console)
        if not console.is_terminal:
            for job_id, error in errors.items():
                typer.echo(lines.format_missing(job_id, error, _DELETION_COLUMNS))
    _print_errors(errors)


def _error_documents(errors: Mapping[str, ClientError]) -> list[dict[str, object]]:
    return [{"id": job_id, **documents.describe_error(error)} for job_id, error in errors.items()]


def _print_errors(errors: Mapping[str, ClientError]) -> None:
    for job_id, error in errors.items():
        print_text(f"{text.escape(job_id)}: {text.format_error(error)}", err=True)


def _print_details(jobs: Sequence[Job]) -> None:
    if len(jobs) != 1:
        return
    (job,) = jobs
    if job.error is not None:
        print_text(f"\n{text.escape(job.error.message)}")
    for warning in job.warnings:
        print_text(f"Note: {text.escape(warning)}")
    if job.succeeded:
        print_text(f"\nNext: safelight result {job.id}")
