"""Requests and views of dead letters."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.http.schemas import Timestamp, View
from shared.aws.s3.image_store import StoredDeadLetter
from shared.errors import BadMessage
from shared.jobs.job import Job
from shared.jobs.object_keys import DEAD_LETTER_PREFIX

REASON_PATTERN = r"^[A-Z][A-Z_]{0,63}$"


class DeadLetterView(View):
    """A job whose attempts were exhausted, or a message that nobody could read."""

    kind: Literal["job", "message"]
    id: str = Field(description="ID of the job, or of the message.")
    reason: str = Field(description="Code of the error; docs/errors.md lists all of them.")
    since: Timestamp
    owner: str | None = Field(description="Of the job.")
    attempts: int | None
    redrives: int | None = Field(description="How often the job was redriven.")
    key: str | None = Field(description="Object key of the kept message in the image bucket.")
    size: int | None = Field(description="Bytes of the kept message.")

    @classmethod
    def of_job(cls, job: Job) -> Self:
        """Show a failed job."""
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
    def of_message(cls, letter: StoredDeadLetter) -> Self:
        """Show a kept message."""
        return cls(
            kind="message",
            id=letter.key.removeprefix(DEAD_LETTER_PREFIX).removesuffix(".json"),
            reason=BadMessage.code,
            since=letter.at,
            owner=None,
            attempts=None,
            redrives=None,
            key=letter.key,
            size=letter.size,
        )


class DeadLetterPage(View):
    """Some dead letters: jobs by reason, the oldest first, then messages."""

    dead_letters: list[DeadLetterView]
    next_cursor: str | None = Field(description="Pass it as cursor for the next page; null when there is none.")


class RedriveRequest(BaseModel):
    """What to redrive: exactly one of ``id``, ``reason`` and ``all``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, description="One job.")
    reason: str | None = Field(default=None, pattern=REASON_PATTERN, description="All of one reason.")
    all: Literal[True] | None = Field(default=None, description="All.")
    force: bool = Field(default=False, description="Also those that were redriven often already.")
    limit: int = Field(default=100, ge=1, le=100, description="Jobs in this call.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the call before.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(each is not None for each in (self.id, self.reason, self.all)) != 1:
            raise ValueError("give exactly one of id, reason and all")
        return self


class RefusalView(View):
    """A job that was not redriven."""

    id: str
    code: str


class RedriveView(View):
    """What became of the jobs of one call."""

    redriven: int
    refused: int
    jobs: list[str] = Field(description="Jobs that are PENDING again.")
    refusals: list[RefusalView]
    next_cursor: str | None = Field(description="There is more: pass it as cursor; null when there is none.")
