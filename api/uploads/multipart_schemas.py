"""Requests and views of multipart uploads. Parts are spelled as S3 spells them, and so do its SDKs and Uppy."""

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from api.http.invalid_fields import field_errors
from api.http.schemas import Timestamp, View
from api.jobs.options import refuse_bool
from api.uploads.schemas import UploadRequest, read_upload_request
from shared.errors import FieldError, InvalidRequest
from shared.jobs.part_plan import MAX_PARTS, PartPlan, StoredPart, strip_etag
from shared.jobs.upload_declaration import ANY_TYPE, UploadMethod

_ModelT = TypeVar("_ModelT", bound=BaseModel)
#: Maximum number of parts that one request signs.
MAX_SIGNED: Final = 100
PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS), BeforeValidator(refuse_bool)]
UploadId = Annotated[str, Field(min_length=1, max_length=1024, description="`upload_id` of the multipart upload.")]
_STRICT: Final = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
#: Members of Uppy's request that are not options of a job.
_UPPY_MEMBERS: Final = frozenset({"key", "uploadId", "partNumber", "contentType", "expiresIn"})


class SignPartsRequest(BaseModel):
    """The parts to sign."""

    model_config = _STRICT

    upload_id: UploadId
    part_numbers: list[PartNumber] = Field(
        min_length=1, max_length=MAX_SIGNED, description="Numbers of the parts, which start at 1."
    )


class PartReference(BaseModel):
    """A part that the caller has sent."""

    # Uppy and SDKs add more members, such as Size.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    part_number: PartNumber = Field(alias="PartNumber")
    etag: str = Field(alias="ETag", max_length=256, description="As S3 has returned it, with or without quotes.")


class CompleteRequest(BaseModel):
    """The multipart upload to complete."""

    model_config = _STRICT

    upload_id: UploadId
    parts: list[PartReference] = Field(
        default_factory=list,
        max_length=MAX_PARTS,
        description="The parts that the caller has sent. If given, S3 must have each part with this ETag.",
    )

    def references(self) -> list[tuple[int, str]]:
        """Return the number and the ETag of each part."""
        return [(part.part_number, part.etag) for part in self.parts]


class PartView(View):
    """A part that S3 has."""

    PartNumber: int
    ETag: str = Field(description="With quotes, as S3 returns it.")
    Size: int = Field(description="Bytes.")


class PartsView(View):
    """The parts that S3 has, by number. Send the others."""

    upload_id: str
    part_size: int = Field(description="Bytes of every part but the last.")
    part_count: int
    parts: list[PartView]

    @classmethod
    def of(cls, upload_id: str, plan: PartPlan, parts: list[StoredPart]) -> "PartsView":
        """Return the view of the parts of an upload."""
        views = [PartView(PartNumber=part.number, ETag=f'"{strip_etag(part.etag)}"', Size=part.size) for part in parts]
        return cls(upload_id=upload_id, part_size=plan.part_size, part_count=plan.count, parts=views)


class SignedPartView(View):
    """A signed request for one part: send its bytes with `PUT` to `url`, with exactly these `headers`."""

    PartNumber: int
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    size: int = Field(description="Bytes. S3 accepts no other size.")
    expires_at: Timestamp


class SignedPartsView(View):
    """Signed requests for parts."""

    parts: list[SignedPartView]


class SignRequest(BaseModel):
    """One request to S3, as Uppy 6 passes it to `signRequest`. The first request for a file creates a job.

    For that, options of `POST /v1/uploads` can be added. They are ignored in later requests.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    method: Literal["PUT", "POST", "GET", "DELETE"]
    key: str = Field(
        min_length=1,
        max_length=4096,
        description="In the first request the name of the file, unless `filename` is given. Later the `key` of the"
        " response.",
    )
    upload_id: UploadId | None = Field(default=None, alias="uploadId")
    part_number: PartNumber | None = Field(default=None, alias="partNumber")
    content_type: str | None = Field(
        default=None, validation_alias=AliasChoices("contentType", "content_type"), serialization_alias="contentType"
    )


class SignedRequestView(View):
    """The answer that Uppy 6 expects of `signRequest`."""

    url: str
    key: str = Field(description="Key of the object. Pass it as `key` in the next requests.")
    headers: dict[str, str] | None = Field(description="Headers to send. Null for a form.")
    fields: dict[str, str] | None = Field(description="Fields of a form, if the request was `PUT` without `size`.")
    job_id: str
    expires_at: Timestamp


def read_body_as(model: type[_ModelT], fields: dict[str, Any]) -> _ModelT:
    """Return the validated body of a request. Raises InvalidRequest if a field is invalid."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(errors=field_errors(error, model)) from error


def read_sign_request(fields: dict[str, Any]) -> SignRequest:
    """Return the validated request. Raises InvalidRequest if Uppy does not send such a request."""
    request = read_body_as(SignRequest, fields)
    if (request.part_number is not None) != (request.method == "PUT" and request.upload_id is not None):
        raise InvalidRequest(errors=(FieldError("/partNumber", "belongs to PUT with an uploadId"),))
    if request.upload_id is None and request.method in {"GET", "DELETE"}:
        raise InvalidRequest(errors=(FieldError("/uploadId", "is required for GET and DELETE"),))
    return request


def to_upload_request(request: SignRequest, query: dict[str, Any], fields: dict[str, Any]) -> UploadRequest:
    """Return the upload that Uppy's first request for a file creates.

    A `PUT` without a size becomes a form, because S3 can limit the size of a form. Raises the errors of
    :func:`read_upload_request`.
    """
    options = {name: value for name, value in fields.items() if name not in _UPPY_MEMBERS and name != "method"}
    size = options.get("size", query.get("size"))
    single = UploadMethod.POST if size is None else UploadMethod.PUT
    options["method"] = (UploadMethod.MULTIPART if request.method == "POST" else single).value
    options["content_type"] = request.content_type or ANY_TYPE
    if "filename" not in query:
        options.setdefault("filename", request.key)
    return read_upload_request(query, options)
