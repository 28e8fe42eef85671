"""Options of ``safelight ingest``."""

from pathlib import Path
from typing import Annotated

import typer

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
        "--include",
        metavar="GLOB",
        help="Ingest files that match this glob, instead of files with an image suffix. A glob with a slash is "
        "compared with the path below the source. Repeatable.",
    ),
]
OldPatterns = Annotated[list[str] | None, typer.Option("--pattern", metavar="GLOB", hidden=True)]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="Skip files and folders that match this glob. Repeatable."),
]
MaxSize = Annotated[
    str | None,
    typer.Option("--max-size", metavar="SIZE", help="Skip local files that are larger than this, such as 50MB."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors and failed files.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print a line for each file.")]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="FILE", help="Add a line for each file, with the time, to this file."),
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
        help="File that stores the progress. Default: a file in the user's state directory, for each set of sources "
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
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="List every file with what would be done and why. Nothing is uploaded or stored."),
]
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
