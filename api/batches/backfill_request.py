"""The member ``backfill`` of a new batch: which stored images are to be processed anew."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from api.http.parameters import refuse_bare_number
from shared.ids import ID_PATTERN
from shared.jobs.backfill import BackfillFilter
from shared.jobs.job import JobStatus
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.strict import Integer

_FORMATS: Final = "|".join(each.name for each in INPUT_FORMATS)


def _as_text(moment: object) -> object:
    """Refuse a number, which would be read as seconds since 1970."""
    if isinstance(moment, int | float):
        raise ValueError("is no moment in ISO 8601")  # noqa: TRY004 - what pydantic expects of a validator
    return refuse_bare_number(moment)


_Moment = Annotated[datetime | None, BeforeValidator(_as_text)]


class BackfillRequest(BaseModel):
    """A query over the caller's jobs; what is left out does not matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: JobStatus | None = Field(default=JobStatus.COMPLETED, description="Null for any.")
    batch: str | None = Field(default=None, pattern=ID_PATTERN, description="Only members of this batch.")
    since: _Moment = Field(default=None, description="Uploaded at this moment or later, ISO 8601.")
    until: _Moment = Field(default=None, description="Uploaded before this moment, ISO 8601.")
    preset: str | None = Field(default=None, max_length=64, description="Only jobs of this preset.")
    preset_version: Integer | None = Field(default=None, ge=1, le=10**9, description="And of this version of it.")
    format: str | None = Field(default=None, pattern=f"^({_FORMATS})$", description="Only raw images of this format.")
    copies: StrictBool = Field(
        default=False, description="Also pictures that an earlier backfill has copied, not only the first job's."
    )

    def wanted(self) -> BackfillFilter:
        """Return the query; moments without a zone are UTC."""
        return BackfillFilter(
            status=self.status,
            batch_id=self.batch,
            since=_in_utc(self.since),
            until=_in_utc(self.until),
            preset=self.preset,
            preset_version=self.preset_version,
            format=self.format,
            copies=self.copies,
        )


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
