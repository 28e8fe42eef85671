"""Request body of ``POST /v1/plan``: a description of an image, and a pipeline."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.http.body import decode_base64
from api.http.invalid_fields import field_errors
from api.jobs.options import Options, read_options
from shared.errors import BadBase64, EmptyBody, FieldError, InvalidRequest, RequestError
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat
from shared.pipeline.image_header import READABLE, read_image_header
from shared.pipeline.strict import Flag

#: Maximum length of ``head`` in characters. Some cameras write hundreds of KB of thumbnails before the frame header.
MAX_BASE64: Final = 1024 * 1024

_SPELLINGS: Final = {
    spelling: image_format
    for image_format in INPUT_FORMATS
    for spelling in (image_format.name.lower(), image_format.extension, image_format.media_type)
}


def _normalize_format(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Return the name of a format, which is given as its name, extension or media type.

    Raises ValueError if no input format matches. Returns a value that is not a string as is, for pydantic to reject.
    """
    if not isinstance(value, str):
        return value
    found = _SPELLINGS.get(value.lower())
    if found is None:
        raise ValueError("is not one of " + ", ".join(each.name for each in INPUT_FORMATS))
    return found.name


Side = Annotated[int, Field(ge=1, le=10**9, strict=True, description="Pixels, after the EXIF orientation is applied.")]


class PlanRequest(BaseModel):
    """A request for a plan: a description of the image, and a pipeline, a preset or shorthand options.

    The image is described by its properties or by the first bytes of its file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str | None = Field(
        default=None,
        max_length=MAX_BASE64,
        description="The first bytes of the file, such as 64 KiB, in base64; instead of `width`, `height`, `format`.",
    )
    width: Side | None = None
    height: Side | None = None
    format: Annotated[str, BeforeValidator(_normalize_format)] | None = Field(
        default=None, description="Name, extension or media type of the format."
    )
    size: int | None = Field(default=None, ge=1, le=10**15, strict=True, description="Size of the file in bytes.")
    frames: int | None = Field(
        default=None, ge=1, le=10**9, strict=True, description="Number of frames of an animation."
    )
    alpha: Flag | None = Field(default=None, description="True if the image has transparent pixels.")
    pipeline: dict[str, Any] | None = Field(default=None, description="A pipeline, as in `POST /v1/jobs`.")
    preset: str | None = Field(default=None, description="Name of a preset, as in `POST /v1/jobs`.")
    options: dict[str, Any] | None = Field(
        default=None,
        description="Shorthand options of `POST /v1/jobs`: width, height, fit, enlarge, grayscale, format, quality.",
    )

    @model_validator(mode="after")
    def _require_one_description(self) -> Self:
        properties = (self.width, self.height, self.format)
        if self.head is not None and any(each is not None for each in properties):
            raise ValueError("give either head or width, height and format")
        if self.head is None and None in properties:
            raise ValueError("give either head or all of width, height and format")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """The known properties of an image that is not uploaded. None: unknown."""

    image_format: ImageFormat
    #: Pixels, after the EXIF orientation is applied.
    width: int
    height: int
    #: Size of the file in bytes.
    size: int | None = None
    frames: int | None = None
    animated: bool | None = None
    alpha: bool | None = None


def read_plan_request(fields: dict[str, Any]) -> tuple[PlannedImage, Options]:
    """Return the image and the options in a body.

    Raises InvalidRequest if a field is invalid, or InvalidPipeline if the pipeline is.
    """
    try:
        request = PlanRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(errors=field_errors(error, PlanRequest)) from error
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
        why = f"has no readable header ({names}); send more of the file, or width, height and format"
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
    """Return the options. Pointers in errors refer to this body, in which ``options`` has the shorthand options."""
    requested = {"pipeline": request.pipeline, "preset": request.preset}
    shorthand = request.options or {}
    if misplaced := shorthand.keys() & {"pipeline", "preset", "filename"}:
        where = tuple(FieldError(f"/options/{name}", "is not a shorthand option") for name in sorted(misplaced))
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
