"""Request body of ``POST /v1/plan``: properties of an image and a pipeline."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.http.body import decode_base64
from api.http.problems import field_errors
from api.jobs.options import Options, read_options
from shared.errors import BadBase64, EmptyBody, FieldError, InvalidRequest, RequestError
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat
from shared.pipeline.image_header import READABLE, read_image_header

#: Maximum length of ``head`` in characters. Cameras can write several 100 KB of thumbnails before the frame header.
MAX_BASE64: Final = 1024 * 1024

_SPELLINGS: Final = {
    spelling: image_format
    for image_format in INPUT_FORMATS
    for spelling in (image_format.name.lower(), image_format.extension, image_format.media_type)
}


def _normalize_format(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Return the format name for a name, extension or media type."""
    if not isinstance(value, str):
        return value
    found = _SPELLINGS.get(value.lower())
    if found is None:
        raise ValueError("is not one of " + ", ".join(each.name for each in INPUT_FORMATS))
    return found.name


Side = Annotated[int, Field(ge=1, le=10**9, strict=True, description="Pixels, upright.")]


class PlanRequest(BaseModel):
    """A plan to make: image properties or the first bytes of a file, and a pipeline, a preset or short options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str | None = Field(
        default=None,
        max_length=MAX_BASE64,
        description="The first bytes of the file in base64, about 64 KiB, instead of width, height and format.",
    )
    width: Side | None = None
    height: Side | None = None
    format: Annotated[str, BeforeValidator(_normalize_format)] | None = Field(
        default=None, description="Name, extension or media type."
    )
    size: int | None = Field(default=None, ge=1, le=10**15, strict=True, description="Bytes of the file.")
    frames: int | None = Field(default=None, ge=1, le=10**9, strict=True, description="Frames of an animation.")
    alpha: bool | None = Field(default=None, description="Whether the image has transparent pixels.")
    pipeline: dict[str, Any] | None = Field(default=None, description="As on `POST /v1/jobs`.")
    preset: str | None = Field(default=None, description="As on `POST /v1/jobs`.")
    options: dict[str, Any] | None = Field(
        default=None,
        description="The shorthand of `POST /v1/jobs`: width, height, fit, enlarge, grayscale, format, quality.",
    )

    @model_validator(mode="after")
    def _require_one_description(self) -> Self:
        properties = (self.width, self.height, self.format)
        if self.head is not None and any(each is not None for each in properties):
            raise ValueError("give head, or width, height and format, not both")
        if self.head is None and None in properties:
            raise ValueError("give width, height and format, or head")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """Known properties of an image that is not uploaded."""

    image_format: ImageFormat
    #: Pixels, upright.
    width: int
    height: int
    #: Bytes.
    size: int | None = None
    frames: int | None = None
    animated: bool | None = None
    alpha: bool | None = None


def read_plan_request(fields: dict[str, Any]) -> tuple[PlannedImage, Options]:
    """Return image and options of a body. Raises InvalidRequest, or InvalidPipeline as ``POST /v1/jobs`` does."""
    try:
        request = PlanRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(errors=field_errors(error)) from error
    return _describe_image(request), _read_options(request)


def _describe_image(request: PlanRequest) -> PlannedImage:
    animated = None if request.frames is None else request.frames > 1
    if request.head is None:
        return PlannedImage(
            image_format=_SPELLINGS[(request.format or "").lower()],
            width=request.width or 1,
            height=request.height or 1,
            size=request.size,
            frames=request.frames,
            animated=animated,
            alpha=request.alpha,
        )
    try:
        header = read_image_header(decode_base64(request.head))
    except (BadBase64, EmptyBody) as error:
        raise InvalidRequest(errors=(FieldError("/head", "is not valid base64"),)) from error
    if header is None:
        names = ", ".join(each.name for each in READABLE)
        why = f"has no header that can be read ({names}); send more of the file, or width, height and format"
        raise InvalidRequest(errors=(FieldError("/head", why),))
    return PlannedImage(
        image_format=header.image_format,
        width=header.width,
        height=header.height,
        size=request.size,
        frames=request.frames,
        animated=header.animated if animated is None else animated,
        alpha=header.alpha if request.alpha is None else request.alpha,
    )


def _read_options(request: PlanRequest) -> Options:
    """Return the options; pointers of errors refer to this body, where the shorthand is in ``options``."""
    requested = {"pipeline": request.pipeline, "preset": request.preset}
    shorthand = request.options or {}
    if misplaced := shorthand.keys() & {"pipeline", "preset", "filename"}:
        where = tuple(FieldError(f"/options/{name}", "does not belong here") for name in sorted(misplaced))
        raise InvalidRequest(errors=where)
    try:
        return read_options({}, {name: each for name, each in requested.items() if each is not None} | shorthand)
    except RequestError as error:
        raise type(error)(
            error.detail,
            errors=tuple(FieldError(_to_options_pointer(each.pointer), each.detail) for each in error.errors),
        ) from error


def _to_options_pointer(pointer: str) -> str:
    return pointer if not pointer or pointer.startswith(("/pipeline", "/preset")) else f"/options{pointer}"
