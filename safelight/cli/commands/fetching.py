"""Bringing one processed image to where it is wanted."""

import shutil
import tempfile
from pathlib import Path

import typer

from safelight.cli.rendering import documents, text
from safelight.client import Safelight
from safelight.downloads import result_names
from safelight.errors import LocalFileError
from safelight.models import Job


def print_link(client: Safelight, job_id: str, output: str | None, *, as_json: bool) -> None:
    """Print a link to the image."""
    link = client.result_link(job_id, output)
    if as_json:
        documents.print_document(link.document())
    else:
        typer.echo(link.url)


def to_standard_output(client: Safelight, job_id: str, output: str | None) -> None:
    """Write the image to standard output, once it is here whole."""
    with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
        path = client.download(job_id, Path(folder) / "picture", output)
        with path.open("rb") as file:
            shutil.copyfileobj(file, typer.get_binary_stream("stdout"))


def to_file(client: Safelight, job_id: str, output: str | None, target: Path | None, *, as_json: bool) -> None:
    """Write the image to ``target``, into it if it is a folder, or to the current folder.

    Raises LocalFileError where a name that nobody chose is taken.
    """
    path = target
    if path is None or path.is_dir():
        path = (path or Path()) / _own_name(client.status(job_id), output)
        if path.exists():
            raise LocalFileError(f"{path} is there already; name the file with -o.")
    client.download(job_id, path, output)
    size = path.stat().st_size
    if as_json:
        documents.print_document({"id": job_id, "output": output, "file": str(path), "size": size})
    else:
        typer.echo(f"{text.printable(str(path))} ({text.size(size)})")


def _own_name(job: Job, output: str | None) -> str:
    names = result_names(job)
    # Where there is no such output, the API says so better than we could.
    return names.get(output or next(iter(names), ""), f"{job.id}.bin")
