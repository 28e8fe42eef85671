"""Doing the same to several jobs: one that refuses stops no other."""

from collections.abc import Callable, Mapping, Sequence

import typer

from client.errors import ClientError, Unreachable
from client.models import Job
from client.rendering import documents, text
from client.safelight import Safelight

Action = Callable[[Safelight, str], Job | None]


def act(client: Safelight, ids: Sequence[str], action: Action) -> tuple[dict[str, Job | None], dict[str, ClientError]]:
    """Return the jobs after the action, None for those that are gone, and the errors of the others, by ID."""
    jobs: dict[str, Job | None] = {}
    errors: dict[str, ClientError] = {}
    for job_id in dict.fromkeys(ids):
        try:
            jobs[job_id] = action(client, job_id)
        except Unreachable as error:
            errors[job_id] = error
            break
        except ClientError as error:
            errors[job_id] = error
    return jobs, errors


def show_deleted(ids: Sequence[str], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    """Show which jobs are gone; errors as sentences."""
    if as_json:
        failures = [{"id": job_id, **documents.error_document(error)} for job_id, error in errors.items()]
        documents.print_document({"deleted": list(ids), "errors": failures})
    else:
        for job_id in ids:
            typer.echo(f"{text.printable(job_id)}\tDELETED")
    for job_id, error in errors.items():
        typer.echo(f"{text.printable(job_id)}: {text.sentence(error)}", err=True)
