"""``safelight ingest``: process folders, manifests and buckets, and resume after an interruption."""

import ctypes
import dataclasses
import shlex
import sys
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from safelight.address import find_state_dir
from safelight.cli import options as opts
from safelight.cli.rendering import documents, tables, text
from safelight.cli.rendering.ingest import print_summary, show_progress
from safelight.cli.wiring import Wiring, connect
from safelight.client import Safelight
from safelight.errors import ClientError
from safelight.ingest import report as reports
from safelight.ingest.checkpoint.database import default_path, open_checkpoint, translate_database_errors
from safelight.ingest.engine import IngestStopped, run
from safelight.ingest.manifests import read_manifest
from safelight.ingest.sources import InvalidEntry, SearchOptions, find_entries
from safelight.ingest.state import IngestOptions

EXAMPLES = """Examples:

safelight ingest photos --preset web --out results

find /archive -name '*.jpg' -mtime -1 -print0 | safelight ingest - --preset web --out today

safelight ingest --manifest products.csv --out results --report report

safelight ingest 'scans/**/*.tif' --width 800 --format webp --color --out small"""

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Folders, files, quoted globs, s3://bucket/prefix/, or - to read names from standard input.",
    ),
]
Manifests = Annotated[
    list[Path] | None,
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="CSV or JSONL file that lists images and the options of each image. Repeatable.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Download the results to this folder.")]
Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern",
        metavar="GLOB",
        help="In folders, ingest files whose names match this glob, instead of files with an image suffix. Repeatable.",
    ),
]
Concurrency = Annotated[
    str,
    typer.Option(
        "--concurrency",
        metavar="auto|N",
        help="Number of concurrent requests. With auto, it grows while requests succeed and is halved after a failure.",
    ),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="Name for the batch of jobs that the ingest creates.")
]
CheckpointFile = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="File that stores the progress. Default: a file in .safelight/ingest/, for each set of sources "
        "and options.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Discard the checkpoint and start over.")]
ReportDir = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="DIR", help="Folder for report.json and report.csv. Default: the folder of the checkpoint."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the files without uploading or storing anything.")]
Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        min=1,
        metavar="SECONDS",
        help="Stop if no request succeeds for this many seconds. If the API has never responded, stop after at most "
        "10 seconds.",
    ),
]

MAX_CONCURRENCY = 128
#: Checkpoints are stored here, below the state folder.
CHECKPOINT_FOLDER = "ingest"
#: Names that a dry run lists.
_MAX_LISTED = 20
#: Failed files in the JSON document. The report has all.
_MAX_FAILED_FILES = 1000
#: ``M_ARENA_MAX`` in malloc.h of glibc.
_M_ARENA_MAX: Final = -8


def ingest(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    sources: Sources = None,
    manifests: Manifests = None,
    out: Out = None,
    preset: opts.PresetName = None,
    pipeline: opts.Pipeline = None,
    width: opts.Width = None,
    height: opts.Height = None,
    fit: opts.Fit = None,
    enlarge: opts.Enlarge = None,
    format_name: opts.Format = None,
    quality: opts.Quality = None,
    widths: opts.Widths = None,
    formats: opts.Formats = None,
    grayscale: opts.Grayscale = None,
    webhook: opts.Webhook = None,
    facts: opts.Facts = None,
    patterns: Patterns = None,
    name: Name = None,
    concurrency: Concurrency = "auto",
    patience: Patience = 120.0,
    checkpoint: CheckpointFile = None,
    fresh: Fresh = False,
    report: ReportDir = None,
    dry_run: DryRun = False,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Process any number of images, and resume after an interruption.

    You can stop the command at any time. Run it again to resume. Every file gets exactly one job. If you resume
    after more than 24 hours, some files can get a second one. Files with the same content and options are uploaded
    only once and share one job. If a file fails, the command continues with the others.
    """
    if not sources and not manifests:
        raise typer.BadParameter("give a source or --manifest.")
    processing = {
        **opts.collect_shorthand(
            *(pipeline, preset),
            width=width,
            height=height,
            fit=fit,
            enlarge=enlarge,
            format=format_name,
            quality=quality,
            widths=widths,
            formats=formats,
            grayscale=grayscale,
        ),
        "pipeline": opts.read_pipeline(pipeline),
        "preset": preset,
        "webhook": webhook,
        "facts": opts.read_facts(facts),
    }
    options = IngestOptions(
        sources=tuple(sources or ()),
        manifests=tuple(manifests or ()),
        options={key: value for key, value in processing.items() if value is not None},
        search=SearchOptions(
            patterns=tuple(patterns or ()),
            skipped=(out.absolute(),) if out is not None else (),
            names=typer.get_binary_stream("stdin") if "-" in (sources or ()) else None,
        ),
        out=out,
        name=name,
        concurrency=read_concurrency(concurrency),
        patience=patience,
    )
    wiring: Wiring = context.obj
    if dry_run:
        succeeded = preview(_add_lister(options, wiring, api_url), as_json=as_json)
    else:
        share_malloc_arena()
        with connect(context, api_url) as client:
            options = _add_lister(options, wiring, client.api_url)
            path = checkpoint or default_path(find_state_dir() / CHECKPOINT_FOLDER, options.identity(client.api_url))
            succeeded = _run(client, options, path, report or path.parent, fresh=fresh, as_json=as_json)
    raise typer.Exit(opts.EXIT_SUCCESS if succeeded else opts.EXIT_PARTIAL_FAILURE)


def read_concurrency(text: str) -> int | None:
    """Return the value of ``--concurrency``, None for ``auto``. Raises BadParameter."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_CONCURRENCY:
        raise typer.BadParameter(f"--concurrency is auto or a number from 1 to {MAX_CONCURRENCY}.")
    return int(text)


def preview(options: IngestOptions, *, as_json: bool) -> bool:
    """List the files that would be uploaded. Return True if every source can be read."""
    count, size = 0, 0
    names: list[str] = []
    invalid: list[dict[str, str]] = []
    manifests = chain.from_iterable(map(read_manifest, options.manifests))
    for entry in chain(find_entries(options.sources, options.search), manifests):
        if isinstance(entry, InvalidEntry):
            invalid.append({"file": entry.where, "code": entry.code, "message": entry.message})
            continue
        count += 1
        if not entry.is_object:
            try:
                size += Path(entry.source).stat().st_size
            except OSError as error:
                invalid.append({"file": entry.source, "code": "LOCAL_FILE", "message": str(error.strerror)})
        if len(names) < _MAX_LISTED:
            names.append(entry.source)
    if as_json:
        documents.print_document({"dry_run": True, "files": count, "bytes": size, "failed_files": invalid})
        return not invalid
    for name in names:
        typer.echo(text.escape(name))
    if count > len(names):
        typer.echo(f"… and {count - len(names):,} more", err=True)
    if invalid:
        rows = [(each["file"], each["code"], each["message"]) for each in invalid]
        tables.print_rows(("File", "Code", "Message"), rows, Console(stderr=True))
    typer.echo(
        f"Without --dry-run, {count:,} files ({text.format_size(size)}) would be uploaded. "
        f"{len(invalid):,} files can't be read.",
        err=True,
    )
    return not invalid


def share_malloc_arena() -> bool:
    """Make all threads share one glibc malloc arena. Return True on success; call it before starting threads.

    By default, glibc creates up to eight arenas per core and does not reuse memory across them. With the same live
    data, a long ingest then takes a quarter more memory than a short one (``benchmarks/ingest.py``). Threads that
    mostly wait for the network lose nothing by sharing an arena.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, 1) == 1


def _add_lister(options: IngestOptions, wiring: Wiring, api_url: str | None) -> IngestOptions:
    """Add the function that lists buckets, if there is one."""
    if wiring.list_objects is None:
        return options
    lister = partial(wiring.list_objects, api_url or "")
    return dataclasses.replace(options, search=dataclasses.replace(options.search, list_objects=lister))


def _run(  # noqa: PLR0913 - the parts of a run
    client: Safelight, options: IngestOptions, path: Path, report_folder: Path, *, fresh: bool, as_json: bool
) -> bool:
    """Run the ingest, write the report and print the summary. Return True if no file failed.

    Raises ClientError, or Exit on Ctrl-C.
    """
    console = Console()
    with open_checkpoint(path, fresh=fresh) as checkpoint:
        try:
            with show_progress(console, as_json=as_json) as on_progress:
                progress = run(client, checkpoint, options, on_progress=on_progress)
        except KeyboardInterrupt:
            typer.echo(f"\nStopped. {_resume_hint()}", err=True)
            raise typer.Exit(opts.EXIT_INTERRUPTED) from None
        except IngestStopped as error:
            raise IngestStopped(f"{_explain(error)} {_resume_hint()}") from error
        with translate_database_errors(path):
            written = reports.write_report(checkpoint, progress, report_folder)
            summary = reports.summarize(checkpoint, progress) | {"report": [str(each) for each in written]}
            failed = reports.iterate_outcomes(checkpoint, progress, only_failed=True)
            if as_json:
                documents.print_document({**summary, "failed_files": list(islice(failed, _MAX_FAILED_FILES))})
            else:
                print_summary(summary, failed, console)
    if not as_json:
        typer.echo(f"Report: {', '.join(text.escape(str(each)) for each in written)}", err=True)
    return progress.failed == 0


def _explain(error: IngestStopped) -> str:
    """Return the message, with all details of the API's error that caused it."""
    cause = error.__cause__
    return (
        str(error).removesuffix(str(cause)) + text.format_error(cause) if isinstance(cause, ClientError) else str(error)
    )


def _resume_hint() -> str:
    command = shlex.join(["safelight", *sys.argv[1:]]) if sys.argv[1:] else "the same command"
    return f"Progress is saved. To resume, run: {text.escape(command)}"
