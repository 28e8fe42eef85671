"""Request bodies of batches and backfills."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
)

from api.http.body import SOURCE
from api.http.invalid_fields import field_errors
from api.http.parameters import refuse_bare_number
from api.jobs.options import ImportRequest, Options, read_as, read_import
from api.uploads.schemas import UploadRequest, read_upload_request
from shared.errors import FieldError, InvalidRequest
from shared.ids import ID_PATTERN
from shared.jobs.backfill import BackfillFilter
from shared.jobs.batch import MAX_MEMBERS
from shared.jobs.job import JobStatus
from shared.jobs.prefix_import import FOLDERS, MAX_FOLDERS, PrefixImport
from shared.jobs.source import MAX_KEY_BYTES, SCHEME
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.strict import Integer

MAX_NAME: Final = 200


def _limit_folders(pattern: str) -> str:
    if pattern.count(FOLDERS) > MAX_FOLDERS:
        raise ValueError(f"has more than {MAX_FOLDERS} times {FOLDERS}")
    return pattern


#: A pattern of file names.
Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_limit_folders)]
_FORMATS: Final = "|".join(each.name for each in INPUT_FORMATS)


def _refuse_number(time: object) -> object:
    """Raise ValueError for a number, which pydantic would read as seconds since 1970."""
    if isinstance(time, int | float):
        raise ValueError("is not a time in ISO 8601")  # noqa: TRY004 - what pydantic expects of a validator
    return refuse_bare_number(time)


_Time = Annotated[datetime | None, BeforeValidator(_refuse_number)]


class BackfillRequest(BaseModel):
    """A filter for the caller's jobs. If a field is absent, it accepts any value, except for `status` and `copies`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: JobStatus | None = Field(
        default=JobStatus.COMPLETED, description="Only jobs with this status. Null: any status."
    )
    batch: str | None = Field(default=None, pattern=ID_PATTERN, description="Only members of this batch.")
    since: _Time = Field(default=None, description="Only jobs uploaded at this time or later (ISO 8601).")
    until: _Time = Field(default=None, description="Only jobs uploaded before this time (ISO 8601).")
    preset: str | None = Field(
        default=None, max_length=64, description="Only jobs whose pipeline came from this preset."
    )
    preset_version: Integer | None = Field(
        default=None, ge=1, le=10**9, description="Only jobs of this version of the preset."
    )
    format: str | None = Field(
        default=None, pattern=f"^({_FORMATS})$", description="Only jobs whose raw image has this format."
    )
    copies: StrictBool = Field(
        default=False, description="Include members of earlier backfills, whose images are copies."
    )

    def to_filter(self) -> BackfillFilter:
        """Return the filter. A time without a time zone is in UTC."""
        return BackfillFilter(
            status=self.status,
            batch_id=self.batch,
            since=_to_utc(self.since),
            until=_to_utc(self.until),
            preset=self.preset,
            preset_version=self.preset_version,
            format=self.format,
            copies=self.copies,
        )


class PrefixRequest(BaseModel):
    """Objects in an allowed S3 bucket. The server creates a member for each of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(max_length=2048, description="`s3://bucket/prefix/`, or `s3://bucket/` for the whole bucket.")
    include: list[Pattern] = Field(
        default_factory=list,
        max_length=20,
        description="Only objects that match one of these patterns, such as `*.jpg`. A pattern with a slash is "
        "compared with the path after the prefix, and any other with the file name. Default: all files with the "
        "suffix of an image.",
    )

    @field_validator("source")
    @classmethod
    def _require_bucket(cls, value: str) -> str:
        bucket, slash, prefix = value.removeprefix(SCHEME).partition("/")
        if not value.startswith(SCHEME) or not bucket or not slash or len(prefix.encode()) > MAX_KEY_BYTES:
            raise ValueError("is not of the form s3://bucket/prefix")
        return value

    def to_import(self) -> PrefixImport:
        """Return the import at its start."""
        bucket, _, prefix = self.source.removeprefix(SCHEME).partition("/")
        return PrefixImport(bucket=bucket, prefix=prefix, include=tuple(self.include))


class ItemsRequest(BaseModel):
    """Further members of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_MEMBERS)
    close: StrictBool = Field(default=False, description="Close the batch after adding these members.")

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Return the validated body. Raises InvalidRequest if a field is invalid."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(errors=field_errors(error, cls)) from error


class BatchRequest(Options):
    """A new batch: its name, its first members, and the options of all members that have no options of their own."""

    name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    backfill: BackfillRequest | None = Field(
        default=None,
        description="Create the members from the stored images of these jobs, instead of from `items`. "
        "The server continues without a client.",
    )
    prefix: PrefixRequest | None = Field(
        default=None,
        description="Create the members from the objects under a prefix of an S3 bucket, instead of from `items`. "
        "The server continues without a client.",
    )
    items: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_MEMBERS)
    close: StrictBool = Field(default=False, description="Close the batch after adding these members.")


def read_batch_request(query: dict[str, Any], fields: dict[str, Any]) -> BatchRequest:
    """Return the validated request for a batch. Raises InvalidRequest or InvalidPipeline if a field is invalid."""
    request = read_as(BatchRequest, query, fields)
    if request.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "is allowed only for a member"),))
    fills = [name for name in ("backfill", "prefix") if getattr(request, name) is not None]
    others = [*fills[1:], *(name for name in ("items", "close") if fills and getattr(request, name))]
    if others:
        raise InvalidRequest(errors=(FieldError(f"/{others[0]}", f"can't be combined with {fills[0]}"),))
    return request


def read_member(fields: dict[str, Any]) -> UploadRequest | ImportRequest:
    """Return the validated request for a member: a direct upload, or an import if it has ``source``.

    Raises InvalidRequest or InvalidPipeline if a field is invalid.
    """
    return read_import({}, fields) if SOURCE in fields else read_upload_request({}, fields)


def _to_utc(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)
