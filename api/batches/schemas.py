"""Bodies of ``POST /v1/batches`` and ``…/items``: what holds for all members, and the members one by one."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from api.batches.backfill_request import BackfillRequest
from api.http.body import SOURCE
from api.jobs.options import ImportRequest, Options, field_errors, read_as, read_import
from api.uploads.schemas import UploadRequest, read_upload_request
from shared.errors import FieldError, InvalidRequest
from shared.jobs.batch import MAX_MEMBERS

MAX_NAME = 200


class ItemsRequest(BaseModel):
    """Further members."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_MEMBERS)
    close: StrictBool = Field(default=False, description="Let the batch take no members after these.")

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Read the body. Raises InvalidRequest."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(errors=field_errors(error)) from error


class BatchRequest(Options):
    """A new batch: its name, options for members that have none of their own, the first members."""

    name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    backfill: BackfillRequest | None = Field(
        default=None,
        description="Which stored pictures the members are made of, in place of items; see POST …/backfill.",
    )
    items: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_MEMBERS)
    close: StrictBool = Field(default=False, description="Let the batch take no members after these.")


def read_batch_request(query: dict[str, Any], fields: dict[str, Any]) -> BatchRequest:
    """Read a new batch. Raises InvalidRequest or InvalidPipeline."""
    request = read_as(BatchRequest, query, fields)
    if request.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "belongs to a member"),))
    if request.backfill is not None and (request.items or request.close):
        wrong = "/items" if request.items else "/close"
        raise InvalidRequest(errors=(FieldError(wrong, "goes without backfill"),))
    return request


def read_member(fields: dict[str, Any]) -> UploadRequest | ImportRequest:
    """Read one member: bytes that will be sent by a form, or an object. Raises InvalidRequest or InvalidPipeline."""
    return read_import({}, fields) if SOURCE in fields else read_upload_request({}, fields)
