"""Output without a terminal: one job or file per line, with tabs between the fields."""

from safelight.cli.rendering import text
from safelight.cli.submission import Outcome
from safelight.errors import ApiError, ClientError, ConnectionLost
from safelight.models import Job


def format_job(job: Job) -> str:
    """Return a job as ID, status, error code, file name, creation time, raw image, first output and duration."""
    code = job.error.code if job.error else "-"
    images = (text.format_raw(job), text.format_output(job))
    fields = (job.id, job.status, code, job.filename or "-", text.format_created(job), *images)
    return "\t".join(text.escape(each) or "-" for each in (*fields, text.format_duration(job)))


def format_missing(job_id: str, error: ClientError, columns: int) -> str:
    """Return the line of a job about which only an error is known: the ID, ``-``, the code and ``-`` in the others."""
    return "\t".join([text.escape(job_id), "-", text.escape(error.code), *("-",) * (columns - 3)])


def format_outcome(outcome: Outcome) -> str:
    """Return an outcome as file, job ID, status, error code, results and message. A missing value is ``-``."""
    fields = (
        str(outcome.file),
        outcome.job.id if outcome.job else "-",
        outcome.job.status if outcome.job else format_outcome_status(outcome),
        get_outcome_code(outcome) or "-",
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


def get_outcome_code(outcome: Outcome) -> str | None:
    """Return the code of the error of an outcome, or None."""
    if outcome.error is not None:
        return outcome.error.code
    return outcome.job.error.code if outcome.job is not None and outcome.job.error is not None else None


def format_failure(outcome: Outcome) -> str:
    """Return the error of an outcome, or an empty string."""
    if outcome.error is not None:
        return text.format_error(outcome.error)
    if outcome.job is not None and outcome.job.error is not None:
        return text.escape(outcome.job.error.message)
    return ""
