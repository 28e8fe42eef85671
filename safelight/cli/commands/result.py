"""``safelight result``: download a processed image."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.options import ApiUrl, JobId, Json
from safelight.cli.rendering import documents, tables, text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.downloads import result_names
from safelight.errors import ClientError, LocalFileError
from safelight.local_files import is_folder, path_exists
from safelight.models import Job

EXAMPLES = """Examples:

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB -o small.png

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --variant thumb -o - | file -

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --link

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --markup"""

Target = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="File or folder to write to, or - for standard output."),
]
OldTarget = Annotated[Path | None, typer.Option("--file", metavar="FILE", hidden=True)]
Variant = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Name of the job's output to download. Default: the first output."),
]
LinkOnly = Annotated[bool, typer.Option("--link", help="Print a time-limited link instead of downloading.")]


MarkupOnly = Annotated[
    bool, typer.Option("--markup", help="Print HTML for all outputs, a <picture> element, instead of downloading.")
]


class NoMarkup(ClientError):
    """The job has not completed, or browsers can show none of its outputs."""

    code = "NO_MARKUP"


def result(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    job_id: JobId,
    target: Target = None,
    old_target: OldTarget = None,
    variant: Variant = None,
    link: LinkOnly = False,
    markup: MarkupOnly = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Download a processed image.

    With -o FILE, the command replaces an existing file. With -o FOLDER, or without -o, it chooses the file name, and
    fails if this file exists.
    """
    target = target or old_target
    if str(target) == "-" and as_json:
        raise typer.BadParameter("the image and --json can't both go to standard output.")
    with connect(context, api_url) as client:
        if markup:
            _print_markup(client, job_id, as_json=as_json)
        elif link:
            _print_link(client, job_id, variant, as_json=as_json)
        elif str(target) == "-":
            _write_to_stdout(client, job_id, variant)
        else:
            _download_to_file(client, job_id, variant, target, as_json=as_json)


def _print_markup(client: Safelight, job_id: str, *, as_json: bool) -> None:
    """Print the HTML for all outputs. Raises NoMarkup if there is none."""
    job = client.status(job_id)
    if job.result is None or job.result.markup is None:
        raise NoMarkup(f"The job {job_id} has no output that browsers can show. Its status is {job.status}.")
    if as_json:
        documents.print_document(job.result.markup.document())
    else:
        typer.echo(text.escape(job.result.markup.picture))


def _print_link(client: Safelight, job_id: str, output: str | None, *, as_json: bool) -> None:
    """Print a link. With ``as_json``, also print when it expires."""
    link = client.result_link(job_id, output)
    if as_json:
        documents.print_document(link.document())
    else:
        typer.echo(text.escape(link.url))


def _write_to_stdout(client: Safelight, job_id: str, output: str | None) -> None:
    """Write the image to standard output when it is complete."""
    with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
        path = client.download(job_id, Path(folder) / "image", output)
        with path.open("rb") as file:
            shutil.copyfileobj(file, typer.get_binary_stream("stdout"))


def _download_to_file(
    client: Safelight, job_id: str, output: str | None, target: Path | None, *, as_json: bool
) -> None:
    """Write the image to the file ``target``. If ``target`` is a folder or None, choose a file name in a folder.

    With None, it is the current folder. Raises LocalFileError if a file with the chosen name exists.
    """
    path = target
    if path is None or is_folder(path):
        path = (path or Path()) / _choose_name(client.status(job_id), output)
        if path_exists(path):
            raise LocalFileError(f"{path} exists. Choose another file with -o.")
    client.download(job_id, path, output)
    size = path.stat().st_size
    if as_json:
        documents.print_document({"id": job_id, "output": output, "file": str(path), "size": size})
    else:
        tables.print_rows(("File", "Size"), [(str(path), text.format_size(size))], Console())


def _choose_name(job: Job, output: str | None) -> str:
    names = result_names(job)
    # If the output does not exist, the download fails with the API's message.
    return names.get(output or next(iter(names), ""), f"{job.id}.bin")
