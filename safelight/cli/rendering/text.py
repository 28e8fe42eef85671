"""Values as text for people."""

import typer

from safelight.errors import ApiError, ClientError
from safelight.models import Job, Output

_ZERO_WIDTH_JOINER = "\u200d"


def printable(text: str) -> str:
    """Escape what would move the cursor or hide text: names and messages come from strangers."""
    return "".join(
        each if each.isprintable() or each == _ZERO_WIDTH_JOINER else each.encode("unicode_escape").decode()
        for each in text
    )


def sentence(error: ClientError) -> str:
    """Write an error as one line: what happened, which fields, the code, and the request's ID."""
    if not isinstance(error, ApiError):
        return printable(str(error))
    fields = "".join(f" {each.pointer}: {each.detail}." for each in error.pointers)
    request = f", request {error.request_id}" if error.request_id else ""
    return printable(f"{error.detail.rstrip('.')}.{fields} ({error.code}{request})")


def size(number: int | None) -> str:
    """Write bytes as ``830 B``, ``64 KB`` or ``1.2 MB``; ``-`` for what is not known."""
    if number is None:
        return "-"
    if number < 1000:
        return f"{number} B"
    if number < 1_000_000:
        return f"{number / 1000:.0f} KB"
    return f"{number / 1_000_000:.1f} MB"


def sides(width: int | None, height: int | None) -> str:
    """Write pixels as ``640×427``, or nothing."""
    return "" if width is None or height is None else f"{width}×{height}"


def before(job: Job) -> str:
    """Write size and sides of the raw image."""
    return f"{size(job.raw.size)} {sides(job.raw.width, job.raw.height)}".strip()


def after(job: Job) -> str:
    """Write size and sides of the first processed image, or ``-``."""
    output = first_output(job)
    return "-" if output is None else f"{size(output.size)} {sides(output.width, output.height)}".strip()


def change(job: Job) -> str:
    """Write how the size changed from the raw to the first processed image: ``-73 %``, ``+12 %``."""
    output = first_output(job)
    if output is None or output.size is None or not job.raw.size:
        return "-"
    return f"{100 * (output.size / job.raw.size - 1):+.0f} %"


def duration(job: Job) -> str:
    """Write the seconds from upload to the end of the job, by the API's clock; ``-`` while it is open."""
    if not job.done or job.timestamp is None or job.uploaded_at is None:
        return "-"
    return f"{(job.timestamp - job.uploaded_at).total_seconds():.2f} s"


def status(job: Job) -> str:
    """Write the status, with the error's code where there is one."""
    return f"{job.status} {job.error.code}" if job.error else job.status


def first_output(job: Job) -> Output | None:
    """Return the facts of the first processed image, None without one."""
    return job.result.outputs[0] if job.result and job.result.outputs else None


def print_fields(*fields: str) -> None:
    """Print fields on one line, separated by tabs."""
    typer.echo("\t".join(printable(each) for each in fields))
