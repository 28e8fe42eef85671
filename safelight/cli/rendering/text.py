"""Values as readable text."""

import os
from datetime import UTC, datetime

from safelight.errors import ApiError, ClientError
from safelight.models import Job, Output

_ZERO_WIDTH_JOINER = "\u200d"


def escape(text: str) -> str:
    """Escape control characters and other unprintable characters. Names and messages are untrusted."""
    return "".join(
        each if each.isprintable() or each == _ZERO_WIDTH_JOINER else each.encode("unicode_escape").decode()
        for each in text
    )


def shorten_path(path: str, *, with_home: bool = False) -> str:
    """Return an absolute path relative to the current folder if that is shorter. Return other names unchanged.

    ``with_home`` also writes the user's home directory as ``~``, for paths that are only read by people.
    """
    if not os.path.isabs(path):  # noqa: PTH117 - names are text
        return path
    home = os.path.join(os.path.expanduser("~"), "")  # noqa: PTH111, PTH118 - names are text
    in_home = f"~/{path.removeprefix(home)}" if with_home and path.startswith(home) else path
    return min((os.path.relpath(path), in_home), key=len)


def format_duration_of(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds: ``0:01:05``, at most ``999:59:59``."""
    whole = round(min(seconds, 3_599_999.0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def format_error(error: ClientError) -> str:
    """Return an error as one line: message, invalid fields, code and request ID."""
    if not isinstance(error, ApiError):
        return escape(str(error))
    # The detail can name the fields already. The pointer of an error about several fields is empty.
    named = (": ".join(filter(None, (each.pointer, each.detail.rstrip(".")))) for each in error.pointers)
    fields = "".join(f" {each}." for each in named if each.removeprefix("/") not in error.detail)
    request = f", request {error.request_id}" if error.request_id else ""
    return escape(f"{error.detail.rstrip('.')}.{fields} ({error.code}{request})")


def format_size(number: int | None) -> str:
    """Return bytes as ``830 B``, ``64 KB`` or ``1.2 MB``, and None as ``-``."""
    if number is None:
        return "-"
    if number < 1000:
        return f"{number} B"
    if number < 1_000_000:
        return f"{number / 1000:.0f} KB"
    return f"{number / 1_000_000:.1f} MB"


def format_dimensions(width: int | None, height: int | None) -> str:
    """Return pixels as ``640×427``, or an empty string."""
    return "" if width is None or height is None else f"{width}×{height}"


def format_raw(job: Job) -> str:
    """Return size and dimensions of the raw image."""
    return f"{format_size(job.raw.size)} {format_dimensions(job.raw.width, job.raw.height)}".strip()


def format_output(job: Job) -> str:
    """Return size and dimensions of the first output, or ``-``."""
    output = get_first_output(job)
    if output is None:
        return "-"
    return f"{format_size(output.size)} {format_dimensions(output.width, output.height)}".strip()


def format_change(job: Job) -> str:
    """Return the change in size from the raw image to the first output, such as ``-73 %``, or ``-``."""
    output = get_first_output(job)
    if output is None or output.size is None or not job.raw.size:
        return "-"
    return f"{100 * (output.size / job.raw.size - 1):+.0f} %"


def format_duration(job: Job) -> str:
    """Return the seconds from the upload to the end of the job by the API's clock, or ``-`` if the job is open."""
    if not job.done or job.timestamp is None or job.uploaded_at is None:
        return "-"
    return f"{(job.timestamp - job.uploaded_at).total_seconds():.2f} s"


def format_created(job: Job) -> str:
    """Return when a job was created, in UTC, as ``2026-11-22T16:34:00Z``, or ``-``."""
    return format_time(job.uploaded_at)


def format_time(time: datetime | None) -> str:
    """Return a time in UTC as ``2026-11-22T16:34:00Z``, or ``-``."""
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def format_minute(time: datetime | None) -> str:
    """Return a time in the local time zone as ``2026-11-22 16:34``, or ``-``."""
    return "-" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def format_status(job: Job) -> str:
    """Return the status, followed by the error code if the job has one."""
    return f"{job.status} {job.error.code}" if job.error else job.status


def get_first_output(job: Job) -> Output | None:
    """Return the first output, or None."""
    return job.result.outputs[0] if job.result and job.result.outputs else None
