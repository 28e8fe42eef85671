"""Requests and views of dead letters."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from api.http.schemas import Timestamp, View
from api.jobs.options import refuse_number
from shared.aws.s3.image_store import StoredDeadLetter
from shared.errors import BadMessage
from shared.jobs.job import Job
from shared.jobs.object_keys import DEAD_LETTER_PREFIX
from shared.pipeline.strict import Flag, Integer

REASON_PATTERN = r"^[A-Z][A-Z_]{0,63}$"


class DeadLetterView(View):
    """A job that failed with a retryable error, or an unreadable message."""

    kind: Literal["job", "message"]
    id: str = Field(description="ID of the job or message.")
    reason: str = Field(description="Error code. docs/errors.md lists all codes.")
    since: Timestamp
    owner: str | None = Field(description="Owner of the job. Null for a message.")
    attempts: int | None
    redrives: int | None = Field(description="How often the job was redriven. Null for a message.")
    key: str | None = Field(description="Key of the stored message in the image bucket. Null for a job.")
    size: int | None = Field(description="Size of the stored message in bytes. Null for a job.")

    @classmethod
    def of_job(cls, job: Job) -> Self:
        """Return the view of a failed job."""
        return cls(
            kind="job",
            id=job.id,
            reason=job.error.code if job.error else "",
            since=job.timestamp,
            owner=job.owner,
            attempts=job.attempt,
            redrives=job.redrives,
            key=None,
            size=None,
        )

    @classmethod
    def of_message(cls, message: StoredDeadLetter) -> Self:
        """Return the view of a stored message."""
        return cls(
            kind="message",
            id=message.key.removeprefix(DEAD_LETTER_PREFIX).removesuffix(".json"),
            reason=BadMessage.code,
            since=message.at,
            owner=None,
            attempts=None,
            redrives=None,
            key=message.key,
            size=message.size,
        )


class DeadLetterPageView(View):
    """A page of dead letters: first the jobs, sorted by reason and then by age (oldest first), then the messages."""

    dead_letters: list[DeadLetterView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")


class RedriveRequest(BaseModel):
    """What to redrive: exactly one of ``id``, ``reason`` and ``all``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, description="Redrive the job with this ID.")
    reason: str | None = Field(
        default=None, pattern=REASON_PATTERN, description="Redrive all jobs with this error code."
    )
    all: Annotated[Literal[True] | None, BeforeValidator(refuse_number)] = Field(
        default=None, description="Redrive all jobs."
    )
    force: Flag = Field(
        default=False, description="Redrive a job even if it has reached the maximum number of redrives."
    )
    limit: Integer = Field(default=100, ge=1, le=100, description="Maximum number of jobs to redrive in this call.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the previous call.")

    @model_validator(mode="after")
    def _require_one_selection(self) -> Self:
        if sum(each is not None for each in (self.id, self.reason, self.all)) != 1:
            raise ValueError("give exactly one of id, reason and all")
        return self


class RefusalView(View):
    """A job that was not redriven."""

    id: str
    code: str


class RedriveView(View):
    """Result of one request to redrive dead letters."""

    redriven: int
    refused: int
    jobs: list[str] = Field(description="IDs of the jobs that are PENDING again.")
    refusals: list[RefusalView]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` to redrive further jobs. Null if no jobs are left."
    )
