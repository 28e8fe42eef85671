"""Running an ingest and showing how it goes."""

import dataclasses
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

import typer
from rich.console import Console

from safelight.cli.rendering import documents, ingest, text
from safelight.cli.wiring import Wiring
from safelight.client import Safelight
from safelight.errors import ClientError
from safelight.ingest import report
from safelight.ingest.checkpoint import database
from safelight.ingest.engine import IngestStopped, run
from safelight.ingest.entries import Misfit
from safelight.ingest.manifests import read_manifest
from safelight.ingest.options import IngestOrder
from safelight.ingest.sources import find

#: Below the state folder.
FOLDER = "ingest"
INTERRUPTED = 130
#: Names that a dry run shows.
_SHOWN = 20
#: Failed files in the JSON document; the report has all.
_MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where an ingest keeps what it knows."""

    state_dir: Path
    #: None: below the state folder, by what is asked.
    checkpoint: Path | None = None
    #: None: beside the checkpoint.
    report: Path | None = None
    fresh: bool = False


def with_lister(order: IngestOrder, wiring: Wiring, api_url: str | None) -> IngestOrder:
    """Return the order with the way to list buckets, where this installation has one."""
    if wiring.list_objects is None:
        return order
    lister = partial(wiring.list_objects, api_url or "")
    return dataclasses.replace(order, search=dataclasses.replace(order.search, list_objects=lister))


def run_ingest(client: Safelight, order: IngestOrder, keeping: Keeping, *, as_json: bool) -> bool:
    """Run, write the report, show the end; return whether all went well. Raises ClientError, or Exit on Ctrl-C."""
    described = order.described(client.api_url)
    path = keeping.checkpoint or database.default_path(keeping.state_dir / FOLDER, described)
    console = Console()
    with database.opened(path, fresh=keeping.fresh) as state:
        try:
            with ingest.shown(console, as_json=as_json) as told:
                tally = run(client, state, order, report=told)
        except KeyboardInterrupt:
            typer.echo(f"\nStopped. {_how_to_resume()}", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except ClientError as error:
            raise _explained(error) from error
        with database.translated(path):
            written = report.write(state, tally, keeping.report or path.parent)
            summary = report.summary(state, tally) | {"report": [str(each) for each in written]}
            if as_json:
                failures = list(islice(report.outcomes(state, tally, only_failed=True), _MOST_TOLD))
                documents.print_document({**summary, "failed_files": failures})
            else:
                ingest.print_summary(summary, report.outcomes(state, tally, only_failed=True), console)
    if not as_json:
        typer.echo(f"Report: {', '.join(text.printable(str(each)) for each in written)}", err=True)
    return tally.badly == 0


def rehearse(order: IngestOrder, *, as_json: bool) -> bool:
    """Show what would be sent; return whether every source could be read."""
    files, size = 0, 0
    names: list[str] = []
    misfits: list[dict[str, str]] = []
    for entry in chain(find(order.sources, order.search), chain.from_iterable(map(read_manifest, order.manifests))):
        if isinstance(entry, Misfit):
            misfits.append({"file": entry.where, "code": entry.code, "message": entry.message})
            continue
        files += 1
        if not entry.is_object:
            try:
                size += Path(entry.source).stat().st_size
            except OSError as error:
                misfits.append({"file": entry.source, "code": "LOCAL_FILE", "message": str(error.strerror)})
        if len(names) < _SHOWN:
            names.append(entry.source)
    if as_json:
        documents.print_document({"dry_run": True, "files": files, "bytes": size, "failed_files": misfits})
        return not misfits
    for name in names:
        typer.echo(text.printable(name))
    if files > len(names):
        typer.echo(f"… and {files - len(names):,} more", err=True)
    for misfit in misfits:
        typer.echo(f"{text.printable(misfit['file'])}\t{misfit['code']}\t{text.printable(misfit['message'])}", err=True)
    typer.echo(f"{files:,} files, {text.size(size)}, would be sent; {len(misfits):,} can't be.", err=True)
    return not misfits


def _explained(error: ClientError) -> ClientError:
    """Return a stop as one sentence that says what the API said, and how to go on."""
    if not isinstance(error, IngestStopped):
        return error
    cause = error.__cause__
    said = text.sentence(cause) if isinstance(cause, ClientError) else ""
    reason = str(error).removesuffix(str(cause)) + said if said else str(error)
    return IngestStopped(f"{reason} {_how_to_resume()}")


def _how_to_resume() -> str:
    command = shlex.join(["safelight", *sys.argv[1:]]) if sys.argv[1:] else "the same command"
    return f"Nothing is lost; to go on: {text.printable(command)}"
