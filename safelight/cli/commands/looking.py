"""Looking jobs up and showing them, in the manner that suits who reads it."""

from collections.abc import Mapping, Sequence

import typer
from rich.console import Console

from safelight.cli.rendering import documents, lines, tables, text
from safelight.client import Safelight
from safelight.errors import ClientError, Unreachable
from safelight.models import Job


def look_up(client: Safelight, ids: Sequence[str]) -> tuple[list[Job], dict[str, ClientError]]:
    """Return the jobs that answer to their ID, and the errors of those that don't, by ID."""
    jobs: list[Job] = []
    errors: dict[str, ClientError] = {}
    for job_id in dict.fromkeys(ids):
        try:
            jobs.append(client.status(job_id))
        except Unreachable as error:
            errors[job_id] = error
            break
        except ClientError as error:
            errors[job_id] = error
    return jobs, errors


def show_jobs(jobs: Sequence[Job], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    """Show jobs as JSON, as a table on a terminal, or as plain lines; errors as sentences."""
    console = Console()
    if as_json:
        failures = [{"id": job_id, **documents.error_document(error)} for job_id, error in errors.items()]
        documents.print_document({"jobs": [job.document() for job in jobs], "errors": failures})
    elif console.is_terminal:
        tables.print_jobs(jobs, console)
        _explain(jobs)
    else:
        for job in jobs:
            typer.echo(lines.job_line(job))
    for job_id, error in errors.items():
        typer.echo(f"{text.printable(job_id)}: {text.sentence(error)}", err=True)


def _explain(jobs: Sequence[Job]) -> None:
    if len(jobs) != 1:
        return
    (job,) = jobs
    if job.error is not None:
        typer.echo(f"\n{text.printable(job.error.message)}")
    for warning in job.warnings:
        typer.echo(f"Note: {text.printable(warning)}")
    if job.succeeded:
        typer.echo(f"\nNext: safelight result {job.id}")
