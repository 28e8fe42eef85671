"""``safelight ingest``: process folders, manifests and buckets, and resume after an interruption."""

import ctypes
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from safelight.address import DEFAULT_STATE_DIR, find_api_url, find_user_state_dir
from safelight.cli import ingest_options as args
from safelight.cli import options as opts
from safelight.cli.old_state import find_moved
from safelight.cli.rendering import documents, text
from safelight.cli.rendering.ingest import print_failures, print_summary, show_progress, wrap_path
from safelight.cli.rendering.ingest_log import Write, log_changes, open_log
from safelight.cli.rendering.ingest_preview import print_preview
from safelight.cli.wiring import Wiring, connect
from safelight.client import Safelight
from safelight.errors import AddressUnknown, ApiError, ClientError, StateDirUnknown
from safelight.ingest import report as reports
from safelight.ingest.checkpoint.database import default_path, open_checkpoint, translate_database_errors
from safelight.ingest.engine import IngestStopped, check_before_sending, run
from safelight.ingest.filters import SearchOptions, SkipReason
from safelight.ingest.preview import preview
from safelight.ingest.sources import require_sources
from safelight.ingest.state import IngestOptions
from safelight.local_files import make_absolute, path_exists, require_writable_folder

EXAMPLES = """Examples:

safelight ingest photos --preset web --out results

find /archive -name '*.jpg' -mtime -1 -print0 | safelight ingest - --preset web --out today

safelight ingest --manifest products.csv --out results --report report

safelight ingest photos --exclude 'thumbs/' --max-size 50MB --dry-run

safelight ingest 'scans/**/*.tif' --width 800 --format webp --color --out small"""

MAX_CONCURRENCY = 128
#: Checkpoints are stored here, below the state folder.
CHECKPOINT_FOLDER = "ingest"
#: Failed files in the JSON document. The report has all.
_MAX_FAILED_FILES = 1000
#: Statuses of the API's errors about the options of the command, which no later run changes.
_ABOUT_OPTIONS = frozenset({400, 404, 422})
#: ``M_ARENA_MAX`` in malloc.h of glibc.
_M_ARENA_MAX: Final = -8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """What is printed and written about a run."""

    as_json: bool
    quiet: bool
    verbose: bool
    log_file: Path | None
    #: Folder for the report. If None, the folder of the checkpoint.
    report: Path | None


def ingest(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    sources: args.Sources = None,
    manifests: args.Manifests = None,
    out: args.Out = None,
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
    include: args.Patterns = None,
    pattern: args.OldPatterns = None,
    exclude: args.Exclude = None,
    max_size: args.MaxSize = None,
    name: args.Name = None,
    concurrency: args.Concurrency = "auto",
    patience: args.Patience = 120.0,
    checkpoint: args.CheckpointFile = None,
    fresh: args.Fresh = False,
    report: args.ReportDir = None,
    dry_run: args.DryRun = False,
    quiet: args.Quiet = False,
    verbose: args.Verbose = False,
    log_file: args.LogFile = None,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Process any number of images, and resume after an interruption.

    You can stop the command at any time. Run it again, in any folder, to resume. Every file gets exactly one job. If
    you resume after more than 24 hours, some files can get a second one. Files with the same content and options are
    uploaded only once and share one job. If a file fails, the command continues with the others.
    """
    if not sources and not manifests:
        raise typer.BadParameter("give a source or --manifest.")
    if quiet and verbose:
        raise typer.BadParameter("--quiet can't be combined with --verbose.")
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
            patterns=(*(include or ()), *(pattern or ())),
            exclude=tuple(exclude or ()),
            max_size=opts.parse_size(max_size),
            skipped=(make_absolute(out),) if out is not None else (),
            names=typer.get_binary_stream("stdin") if "-" in (sources or ()) else None,
        ),
        out=out,
        name=name,
        concurrency=read_concurrency(concurrency),
        patience=patience,
    )
    output = _Output(as_json=as_json, quiet=quiet, verbose=verbose, log_file=log_file, report=report)
    wiring: Wiring = context.obj
    if dry_run:
        require_sources(options.sources)
        path = _find_previewed_checkpoint(options, checkpoint, api_url)
        rows = preview(_add_lister(options, wiring, _find_known_url(api_url)), path)
        succeeded = print_preview(rows, as_json=as_json, quiet=quiet)
    else:
        share_malloc_arena()
        with connect(context, api_url) as client:
            options = _add_lister(options, wiring, client.api_url)
            path = checkpoint or _find_checkpoint(options, client.api_url)
            succeeded = _run(client, options, path, output, fresh=fresh)
    raise typer.Exit(opts.EXIT_SUCCESS if succeeded else opts.EXIT_PARTIAL_FAILURE)


def read_concurrency(text: str) -> int | None:
    """Return the value of ``--concurrency``, None for ``auto``. Raises BadParameter."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_CONCURRENCY:
        raise typer.BadParameter(f"--concurrency is auto or a number from 1 to {MAX_CONCURRENCY}.")
    return int(text)


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


def _find_checkpoint(options: IngestOptions, api_url: str) -> Path:
    """Return the path of the checkpoint, in which the progress of earlier versions is kept. Raises StateDirUnknown."""
    path, old_paths = _list_checkpoints(options, api_url)
    return find_moved(path, old_paths)


def _find_previewed_checkpoint(options: IngestOptions, checkpoint: Path | None, api_url: str | None) -> Path | None:
    """Return the path of the checkpoint, or None if there is none. Nothing is moved."""
    if checkpoint is not None:
        return checkpoint
    url = _find_known_url(api_url)
    if not url:
        return None
    try:
        path, old_paths = _list_checkpoints(options, url)
    except StateDirUnknown:
        return None
    return next((each for each in (path, *old_paths) if path_exists(each)), None)


def _find_known_url(api_url: str | None) -> str:
    """Return the URL of the API, or an empty string if there is none. A preview needs no API."""
    try:
        return find_api_url(api_url)
    except AddressUnknown:
        return ""


def _list_checkpoints(options: IngestOptions, api_url: str) -> tuple[Path, tuple[Path, ...]]:
    """Return the path of the checkpoint, and its paths in earlier versions."""
    state_dir = find_user_state_dir()
    old_identity = options.old_identity(api_url)
    old_folders = dict.fromkeys((state_dir, Path(DEFAULT_STATE_DIR)))
    old_paths = tuple(default_path(each / CHECKPOINT_FOLDER, old_identity) for each in old_folders)
    return default_path(state_dir / CHECKPOINT_FOLDER, options.identity(api_url)), old_paths


def _add_lister(options: IngestOptions, wiring: Wiring, api_url: str) -> IngestOptions:
    """Add the function that lists buckets, if there is one."""
    if wiring.list_objects is None:
        return options
    lister = partial(wiring.list_objects, api_url)
    return replace(options, search=replace(options.search, list_objects=lister))


def _run(client: Safelight, options: IngestOptions, path: Path, output: _Output, *, fresh: bool) -> bool:
    """Run the ingest, write the report and print the summary. Return True if no file failed.

    Raises ClientError, or Exit on Ctrl-C.
    """
    console = Console()
    started = time.monotonic()
    check_before_sending(options)
    if output.report is not None:
        require_writable_folder(output.report)
    with open_log(output.log_file, verbose=output.verbose) as write, open_checkpoint(path, fresh=fresh) as checkpoint:
        if write is not None:
            log_changes(checkpoint, write)
            log_skipped = partial(_log_skipped, write)
            options = replace(options, search=replace(options.search, on_skip=log_skipped))
        try:
            is_silent = output.as_json or output.quiet
            with show_progress(console, as_json=is_silent, verbose=output.verbose) as on_progress:
                progress = run(client, checkpoint, options, on_progress=on_progress)
        except KeyboardInterrupt:
            # The command has a line of its own, so that it can be copied.
            typer.echo("\nStopped. " + _resume_hint("\n  "), err=True)
            raise typer.Exit(opts.EXIT_INTERRUPTED) from None
        except IngestStopped as error:
            is_final = isinstance(error.__cause__, ApiError) and error.__cause__.status in _ABOUT_OPTIONS
            advice = "Correct the options and run the command again." if is_final else _resume_hint()
            raise IngestStopped(f"{_explain(error)} {advice}") from error
        with translate_database_errors(path):
            written = reports.write_report(checkpoint, progress, output.report or path.parent)
            summary = reports.summarize(checkpoint, progress)
            summary |= {"seconds": round(time.monotonic() - started, 3), "report": [str(each) for each in written]}
            failed = reports.iterate_outcomes(checkpoint, progress, only_failed=True)
            if output.as_json:
                documents.print_document({**summary, "failed_files": list(islice(failed, _MAX_FAILED_FILES))})
            else:
                _print_result(summary, failed, console, quiet=output.quiet)
    return progress.failed == 0


def _print_result(
    summary: Mapping[str, Any], failed: Iterator[Mapping[str, Any]], console: Console, *, quiet: bool
) -> None:
    """Print counts, the first failed files and the paths of the report. If ``quiet``, print only the failed files."""
    if not quiet:
        print_summary(summary, console)
    print_failures(failed, summary["failed"], console)
    if not quiet:
        is_terminal = console.is_terminal
        folder = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - names are text
        paths = [
            text.escape(text.shorten_path(each, with_home=True) if is_terminal else each.removeprefix(folder))
            for each in summary["report"]
        ]
        lines = [line for path in paths for line in wrap_path(path, console.width)]
        typer.echo("\n".join(["Report:", *lines]) if is_terminal else f"Report: {', '.join(paths)}", err=True)


def _log_skipped(write: Write, path: str, reason: SkipReason) -> None:
    write(("skipped", text.shorten_path(path), "-", reason.value, "-"))


def _explain(error: IngestStopped) -> str:
    """Return the message, with all details of the API's error that caused it."""
    cause = error.__cause__
    return (
        str(error).removesuffix(str(cause)) + text.format_error(cause) if isinstance(cause, ClientError) else str(error)
    )


def _resume_hint(separator: str = " ") -> str:
    # With --fresh, the command would discard the progress.
    arguments = [each for each in sys.argv[1:] if each != "--fresh"]
    command = shlex.join(["safelight", *arguments]) if arguments else "the same command"
    return f"Progress is saved. To resume, run:{separator}{text.escape(command)}"
