"""Doing the same to several jobs: one that refuses stops no other."""

from collections.abc import Callable, Mapping, Sequence

import typer

from safelight.cli.rendering import documents, text
from safelight.client import Safelight
from safelight.errors import ClientError, Unreachable
from safelight.models import Deletion, Job

Done = Job | Deletion
Action = Callable[[Safelight, str], Done]


def act(client: Safelight, ids: Sequence[str], action: Action) -> tuple[list[Done], dict[str, ClientError]]:
    """Return the jobs after the action, or what went of them, and the errors of the others by ID."""
    done: list[Done] = []
    errors: dict[str, ClientError] = {}
    for job_id in dict.fromkeys(ids):
        try:
            done.append(action(client, job_id))
        except Unreachable as error:
            errors[job_id] = error
            break
        except ClientError as error:
            errors[job_id] = error
    return done, errors


def jobs_of(done: Sequence[Done]) -> list[Job]:
    """Return the jobs."""
    return [each for each in done if isinstance(each, Job)]


def deletions_of(done: Sequence[Done]) -> list[Deletion]:
    """Return the deletions."""
    return [each for each in done if isinstance(each, Deletion)]


def show_deleted(deletions: Sequence[Deletion], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    """Show what is gone; errors as sentences."""
    if as_json:
        failures = [{"id": job_id, **documents.error_document(error)} for job_id, error in errors.items()]
        documents.print_document({"deleted": [each.document() for each in deletions], "errors": failures})
    else:
        for each in deletions:
            typer.echo(f"{text.printable(each.id)}\tDELETED\t{each.object_count}\t{text.size(each.bytes)}")
    for job_id, error in errors.items():
        typer.echo(f"{text.printable(job_id)}: {text.sentence(error)}", err=True)
