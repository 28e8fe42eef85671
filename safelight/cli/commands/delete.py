"""``safelight delete``: delete jobs, or everything that a caller owns."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.job_actions import run_on_jobs
from safelight.cli.options import (
    EXIT_INTERRUPTED,
    EXIT_PARTIAL_FAILURE,
    EXIT_SUCCESS,
    ApiUrl,
    Json,
    parse_tags,
    require_job_ids,
)
from safelight.cli.rendering import documents, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.errors import ClientError, LocalFileError

EXAMPLES = """Examples:

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight delete 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --json > deleted.json

safelight delete --all --tag user=42 --statement user-42.json

safelight delete --all --statement deleted.json"""

OptionalIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Job IDs.", show_default=False, callback=require_job_ids)
]
All = Annotated[
    bool,
    typer.Option("--all", help="Delete all your jobs, presets, assets, webhooks and watches, and revoke your tokens."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="NAME=VALUE", help="With --all, delete only the jobs with this tag. Repeatable."),
]
Statement = Annotated[
    Path | None,
    typer.Option("--statement", metavar="FILE", help="With --all, write what was deleted to this file."),
]


def delete(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    ids: OptionalIds = None,
    *,
    delete_all: All = False,
    tag: Tags = None,
    statement: Statement = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Delete jobs, their images and their records.

    This can't be undone. --json prints what was deleted, what remains, and how long it remains. If a job was
    deleted in the last 30 days, the command prints the same output again.

    --all deletes everything of the caller, or all jobs with a tag, and writes a statement. If the command is
    interrupted, run it again.
    """
    if delete_all == bool(ids):
        raise typer.BadParameter("give job IDs or --all.")
    if not delete_all:
        if tag or statement is not None:
            raise typer.BadParameter("--tag and --statement need --all.")
        run_on_jobs(
            context, api_url, ids or [], lambda client, job_id: client.delete(job_id), as_json=as_json, is_deletion=True
        )
    if statement is None:
        raise typer.BadParameter("--all needs --statement FILE, which records what was deleted.")
    tags = parse_tags(tag)
    with connect(context, api_url) as client:
        if not yes:
            what = f"all jobs with {', '.join(tag or ())}" if tags else "ALL your jobs, presets, assets and webhooks"
            print_text(f"This deletes {text.escape(what)} of {client.api_url}", err=True)
            typer.confirm("Continue?", abort=True, err=True)
        raise typer.Exit(_delete_all(client, statement, tags, as_json=as_json))


def _delete_all(client: Safelight, statement: Path, tags: dict[str, str], *, as_json: bool) -> int:
    """Delete everything, print the counts, and return the exit code. Raises ClientError."""
    from safelight.cli.owner_deletion import delete_owner  # noqa: PLC0415 - only with --all

    def show(count: int) -> None:
        if not as_json:
            typer.echo(f"{count:,} {'job' if count == 1 else 'jobs'} deleted", err=True)

    try:
        document = delete_owner(client, statement, tags, show)
    except KeyboardInterrupt:
        print_text("\nStopped. To continue, run the same command again.", err=True)
        return EXIT_INTERRUPTED
    except LocalFileError:
        # The statement or its file of progress can't be used, so the same command would not continue.
        raise
    except ClientError:
        print_text("Stopped. To continue, run the same command again.", err=True)
        raise
    counts = {name: value for name, value in document.items() if name != "jobs"}
    if as_json:
        documents.print_document(counts)
    else:
        typer.echo(f"jobs\t{document['job_count']}")
        typer.echo(f"objects\t{document['object_count']}")
        typer.echo(f"bytes\t{document['bytes']}")
        typer.echo(f"failed\t{len(document['failed'])}")
        print_text(f"Statement: {text.escape(str(statement))}", err=True)
    return EXIT_SUCCESS if document["complete"] else EXIT_PARTIAL_FAILURE
