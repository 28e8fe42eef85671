"""What was asked along with an image: a whole pipeline, a preset's name, or the shorthand for the usual one."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.http.body import load_json_object
from shared.errors import BadJson, FieldError, InvalidPipeline, InvalidRequest
from shared.jobs.source import S3Location, parse_s3_location
from shared.pipeline.operations import NAMES
from shared.pipeline.pipeline import DEFAULT_BOX, DEFAULT_PIPELINE, Fit, Grayscale, Operation, Output, Pipeline, Resize

SHORTHAND = ("width", "height", "fit", "enlarge", "grayscale", "format", "quality")


def _parse_text(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Let a pipeline come as JSON text, as a query parameter or form field must."""
    if not isinstance(value, str):
        return value
    try:
        return load_json_object(value.encode())
    except (BadJson, UnicodeEncodeError) as error:
        raise ValueError("the pipeline is not a valid JSON object") from error


def _refuse_bool(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Take text for a number, as a query brings it, but not true and false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("is no number")  # noqa: TRY004 - what pydantic expects of a validator
    return value


def _refuse_number(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Take text for true or false, as a query brings it, but not the numbers 1 and 0."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004 - what pydantic expects of a validator
    return value


Count = Annotated[int, BeforeValidator(_refuse_bool)]
Switch = Annotated[bool, BeforeValidator(_refuse_number)]


class Options(BaseModel):
    """Query parameters, form fields or JSON members of ``POST /v1/jobs``.

    The shorthand changes the default pipeline: ``width=300`` fits into 300 pixels instead of 1024 ×
    1024, ``grayscale=false`` keeps the colors, ``format=webp`` writes another format.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    filename: str | None = Field(default=None, max_length=4096)
    pipeline: Annotated[Pipeline | None, BeforeValidator(_parse_text)] = None
    preset: str | None = Field(default=None, max_length=4096, description="Name of a preset, instead of a pipeline.")
    webhook: str | None = Field(
        default=None, max_length=4096, description="Name of a webhook that is told when the job ends."
    )
    width: Count | None = None
    height: Count | None = None
    fit: Fit | None = None
    enlarge: Switch | None = None
    grayscale: Switch | None = None
    format: str | None = None
    quality: Count | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum((self.pipeline is not None, self.preset is not None, bool(self.shorthand()))) > 1:
            raise ValueError("give a pipeline, a preset or the shorthand, not two of them")
        return self

    @property
    def has_wishes(self) -> bool:
        """Tell whether it is said what is to be done."""
        return bool(self.model_fields_set & {"pipeline", "preset", *SHORTHAND})

    def shorthand(self) -> dict[str, Any]:
        """Return the shorthand options that were given."""
        return {name: value for name in SHORTHAND if (value := getattr(self, name)) is not None}

    def to_pipeline(self) -> Pipeline:
        """Return the pipeline that is asked for, unless by a preset's name. Raises InvalidPipeline."""
        if self.pipeline is not None:
            return self.pipeline
        given = self.shorthand()
        if not given:
            return DEFAULT_PIPELINE
        try:
            operations: tuple[Operation, ...] = (_resize(given),)
            if given.get("grayscale", True):
                operations += (Grayscale(),)
            output = Output.model_validate({name: given[name] for name in ("format", "quality") if name in given})
        except ValidationError as error:
            raise InvalidPipeline(errors=field_errors(error)) from error
        return Pipeline(operations=operations, outputs=(output,))


_Asked = TypeVar("_Asked", bound=Options)


def read_options(query: Mapping[str, Any], fields: Mapping[str, Any]) -> Options:
    """Read options as :func:`read_as` does."""
    return read_as(Options, query, fields)


def read_as(model: type[_Asked], query: Mapping[str, Any], fields: Mapping[str, Any]) -> _Asked:
    """Read options from the query and from the form or JSON, as ``model``.

    Raises InvalidRequest for unknown options and for one that is given in both places, InvalidPipeline for what
    breaks a pipeline's rules.
    """
    doubled = sorted(query.keys() & fields.keys())
    if doubled:
        raise InvalidRequest(
            errors=tuple(FieldError(_pointer((name,)), "given in the query and in the body") for name in doubled),
        )
    try:
        return model.model_validate({**query, **fields})
    except ValidationError as error:
        errors = field_errors(error)
        # A pointer to the whole is a complaint about how the options go together.
        about_pipeline = all(each.pointer.split("/")[1:2] in _ABOUT_PIPELINE for each in errors)
        raise (InvalidPipeline if about_pipeline else InvalidRequest)(errors=errors) from error


class ImportRequest(Options):
    """Options of a job, beside the object that its image is copied from."""

    source: str = Field(max_length=2048, description="`s3://bucket/key` of the picture, instead of its content.")
    version: str | None = Field(
        default=None, min_length=1, max_length=1024, description="Version of the object, in a bucket that keeps them."
    )

    def location(self) -> S3Location:
        """Return where the object lies. Raises InvalidRequest."""
        found = parse_s3_location(self.source, self.version)
        if found is None:
            raise InvalidRequest(errors=(FieldError("/source", "is not s3://bucket/key"),))
        return found


def read_import(query: Mapping[str, Any], fields: Mapping[str, Any]) -> ImportRequest:
    """Read the request. Raises InvalidRequest or InvalidPipeline."""
    request = read_as(ImportRequest, query, fields)
    request.location()
    return request


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Say which fields are wrong: a pointer into what was sent, and pydantic's sentence without the value."""
    return tuple(
        FieldError(_pointer(each["loc"]), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    """Write a JSON pointer (RFC 6901) of what is part of what was sent.

    Pydantic's name of the chosen union member is not, nor is the list around a single ``output``.
    """
    parts = [
        part
        for before, part in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and part in _OPERATION_NAMES) and not (before == "output" and part == 0)
    ]
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _resize(given: Mapping[str, Any]) -> Resize:
    params = {name: given[name] for name in ("width", "height", "fit", "enlarge") if name in given}
    if "width" not in params and "height" not in params:
        params |= {"width": DEFAULT_BOX, "height": DEFAULT_BOX}
    return Resize.model_validate(params)


_ABOUT_PIPELINE: Final[tuple[list[str], ...]] = ([], ["pipeline"], ["preset"], *([name] for name in SHORTHAND))
_OPERATION_NAMES = frozenset(NAMES)
