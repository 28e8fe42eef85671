"""Values as plain lines: one job or file a line, tabs between the fields, made to be cut and grepped."""

from safelight.cli.rendering import text
from safelight.cli.submission import Outcome
from safelight.models import Job


def job_line(job: Job) -> str:
    """Write a job: ID, status, name, before, after, seconds."""
    fields = (job.id, text.status(job), job.filename or "-", text.before(job), text.after(job), text.duration(job))
    return "\t".join(text.printable(each) for each in fields)


def outcome_line(outcome: Outcome, *, short: bool = False) -> str:
    """Write how one file fared: name, then the job, then where the results are or what went wrong.

    ``short`` leaves out the folder of the file.
    """
    fields = [outcome.file.name if short else str(outcome.file)]
    if outcome.job is not None:
        fields += [outcome.job.id, text.status(outcome.job)]
    fields += [str(path) for path in outcome.saved]
    why = reason(outcome)
    return "\t".join(text.printable(each) for each in fields) + (f"\t{why}" if why else "")


def reason(outcome: Outcome) -> str:
    """Write why a file did not fare well, or nothing."""
    if outcome.error is not None:
        return text.sentence(outcome.error)
    if outcome.job is not None and outcome.job.error is not None:
        return text.printable(outcome.job.error.message)
    return ""
