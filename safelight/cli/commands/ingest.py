"""``safelight ingest``: from folders, lists and buckets to results, stoppable and resumable."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.address import find_state_dir
from safelight.cli.commands.submit import FitOption, Format, Grayscale, Height, Pipeline, PresetName, Quality, Width
from safelight.cli.options import ALL_WELL, SOME_FAILED, ApiUrl, Json, read_pipeline, short_options
from safelight.cli.wiring import Wiring, connect

EXAMPLES = """Examples:

safelight ingest photos --out thumbnails --preset thumbnail

find /archive -name '*.jpg' -mtime -1 -print0 | safelight ingest - --out today

safelight ingest --manifest products.csv --out results --report report

safelight ingest 'scans/**/*.tif' --width 800 --format webp --color --out small"""

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...", help="Folders, globs, files, s3://bucket/prefix/, - for names on standard input."
    ),
]
Manifests = Annotated[
    list[Path] | None,
    typer.Option("--manifest", metavar="FILE", help="A list as CSV or JSONL, with options per row; repeatable."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Download the results there, as they come.")]
Patterns = Annotated[
    list[str] | None,
    typer.Option("--pattern", metavar="GLOB", help="File names wanted in folders, else pictures; repeatable."),
]
Concurrency = Annotated[
    str, typer.Option("--concurrency", metavar="auto|N", help="Requests at once; auto follows what goes well.")
]
Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Name of the batch.")]
CheckpointFile = Annotated[
    Path | None, typer.Option("--checkpoint", metavar="FILE", help="Where it is kept how far the ingest is.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget the checkpoint and begin anew.")]
ReportDir = Annotated[Path | None, typer.Option("--report", metavar="DIR", help="Where report.json and report.csv go.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent; nothing is, and nothing kept.")]
Patience = Annotated[
    float, typer.Option("--patience", min=1, metavar="SECONDS", help="How long a server may be away or busy.")
]
#: Most requests at once.
MOST = 128


def ingest(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    sources: Sources = None,
    manifests: Manifests = None,
    out: Out = None,
    pipeline: Pipeline = None,
    preset: PresetName = None,
    width: Width = None,
    height: Height = None,
    fit: FitOption = None,
    format_name: Format = None,
    quality: Quality = None,
    grayscale: Grayscale = None,
    patterns: Patterns = None,
    name: Name = None,
    concurrency: Concurrency = "auto",
    patience: Patience = 120.0,
    checkpoint: CheckpointFile = None,
    fresh: Fresh = False,
    report: ReportDir = None,
    dry_run: DryRun = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Send any number of images, and fetch the results.

    It can be stopped, or killed, at any moment: the same command goes on where it was. Every file gets exactly one job,
    equal bytes are sent once, and one bad file never stops the others.
    """
    from safelight.cli.commands import arenas, ingesting  # noqa: PLC0415 - --help must not wait for httpx and rich
    from safelight.ingest.options import IngestOrder  # noqa: PLC0415
    from safelight.ingest.sources import Search  # noqa: PLC0415

    if not sources and not manifests:
        raise typer.BadParameter("name a source, or a list with --manifest.")
    given = {"width": width, "height": height, "fit": fit, "format": format_name, "quality": quality}
    options = short_options(pipeline, preset, {**given, "grayscale": grayscale})
    asked = {"pipeline": read_pipeline(pipeline), "preset": preset}
    wiring: Wiring = context.obj
    order = IngestOrder(
        sources=tuple(sources or ()),
        manifests=tuple(manifests or ()),
        options={**options, **{key: each for key, each in asked.items() if each is not None}},
        search=Search(
            patterns=tuple(patterns or ()),
            avoid=(out.absolute(),) if out is not None else (),
            names=typer.get_binary_stream("stdin") if "-" in (sources or ()) else None,
        ),
        out=out,
        name=name,
        concurrency=read_concurrency(concurrency),
        patience=patience,
    )
    if dry_run:
        well = ingesting.rehearse(ingesting.with_lister(order, wiring, api_url), as_json=as_json)
        raise typer.Exit(ALL_WELL if well else SOME_FAILED)
    arenas.share_one()
    with connect(context, api_url) as client:
        well = ingesting.run_ingest(
            client,
            ingesting.with_lister(order, wiring, client.api_url),
            ingesting.Keeping(find_state_dir(), checkpoint, report, fresh=fresh),
            as_json=as_json,
        )
    raise typer.Exit(ALL_WELL if well else SOME_FAILED)


def read_concurrency(text: str) -> int | None:
    """Read ``--concurrency``: None for ``auto``. Raises BadParameter."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise typer.BadParameter(f"--concurrency is auto or a number from 1 to {MOST}.")
    return int(text)
