"""Output without a terminal: one job or file per line, with tabs between the fields."""

from safelight.cli.rendering import text
from safelight.cli.submission import Outcome
from safelight.errors import ApiError, ConnectionLost
from safelight.models import Job


def format_job(job: Job) -> str:
    """Return a job as ID, status, file name, raw image, first output and duration."""
    images = (text.format_raw(job), text.format_output(job))
    fields = (job.id, text.format_status(job), job.filename or "-", *images, text.format_duration(job))
    return "\t".join(text.escape(each) for each in fields)


def format_outcome(outcome: Outcome, *, name_only: bool = False) -> str:
    """Return an outcome as file, job ID, status, results and error. A missing value is ``-``.

    ``name_only`` omits the folder of the file.
    """
    fields = (
        outcome.file.name if name_only else str(outcome.file),
        outcome.job.id if outcome.job else "-",
        format_outcome_status(outcome),
        ", ".join(map(str, outcome.saved)) or "-",
    )
    # The error is escaped already.
    return "\t".join([*map(text.escape, fields), format_failure(outcome) or "-"])


def format_outcome_status(outcome: Outcome) -> str:
    """Return the status of the job. Without a job, return what is known about the request."""
    if outcome.job is not None:
        return text.format_status(outcome.job)
    if isinstance(outcome.error, ConnectionLost):
        return "UNKNOWN"
    return "REFUSED" if isinstance(outcome.error, ApiError) else "NOT SENT"


def format_failure(outcome: Outcome) -> str:
    """Return the error of an outcome, or an empty string."""
    if outcome.error is not None:
        return text.format_error(outcome.error)
    if outcome.job is not None and outcome.job.error is not None:
        return text.escape(outcome.job.error.message)
    return ""
