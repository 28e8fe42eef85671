"""Options of a request for a job: a pipeline, the name of a preset, or shorthand options."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from api.http.body import load_json_object
from api.http.invalid_fields import field_errors, json_pointer
from shared.errors import BadJson, FieldError, InvalidPipeline, InvalidRequest
from shared.jobs.source import (
    JobReference,
    S3Location,
    UrlSource,
    is_job_source,
    is_url,
    parse_job_source,
    parse_s3_location,
)
from shared.pipeline.facts import DEFAULT_FACTS, FactsRequest
from shared.pipeline.output import LOSSY_FORMATS, normalize_format
from shared.pipeline.pipeline import (
    DEFAULT_BOX,
    DEFAULT_PIPELINE,
    Fit,
    Grayscale,
    Operation,
    Output,
    Pipeline,
    Resize,
    Responsive,
)

SHORTHAND = ("width", "height", "fit", "enlarge", "grayscale", "format", "quality", "widths", "formats")
#: Shorthand options that exclude ``widths``.
_SINGLE_SIZE: Final = ("width", "height", "fit", "enlarge")


def _parse_text(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Parse a pipeline that was given as JSON text, in a query parameter or form field. Return other values as is."""
    if not isinstance(value, str):
        return value
    try:
        return load_json_object(value.encode())
    except (BadJson, UnicodeEncodeError) as error:
        raise ValueError("the pipeline is not a valid JSON object") from error


def refuse_bool(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Return the value, or raise ValueError for true and false, which pydantic would read as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("is not a number")  # noqa: TRY004 - what pydantic expects of a validator
    return value


def refuse_number(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Return the value, or raise ValueError for a number. Pydantic would read 1 and 0 as true and false."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004 - what pydantic expects of a validator
    return value


def _split(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Split ``320,640`` at the commas. Return other values as is, for example a list in JSON."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _parse_facts(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on any input
    """Parse a request for facts that was given as text, in a query parameter or form field."""
    if not isinstance(value, str):
        return value
    if value in {"true", "false"}:
        return value == "true"
    try:
        return load_json_object(value.encode())
    except (BadJson, UnicodeEncodeError) as error:
        raise ValueError("is neither true nor false nor a valid JSON object") from error


def _tag_facts(value: Any) -> str:  # noqa: ANN401 - runs before validation, on any input
    return "object" if isinstance(value, dict | FactsRequest) else "switch"


FactsOption = Annotated[
    Annotated[bool, Strict(), Tag("switch")] | Annotated[FactsRequest, Tag("object")],
    Discriminator(_tag_facts),
]
Count = Annotated[int, BeforeValidator(refuse_bool)]
Switch = Annotated[bool, BeforeValidator(refuse_number)]
Widths = Annotated[
    tuple[Count, ...],
    BeforeValidator(_split),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(,[0-9]+)*$", "examples": ["320,640"]}),
]
Formats = Annotated[
    tuple[str, ...],
    BeforeValidator(_split),
    WithJsonSchema({"type": "string", "pattern": "^[a-zA-Z]+(,[a-zA-Z]+)*$", "examples": ["avif,webp"]}),
]


class Options(BaseModel):
    """Query parameters, form fields or JSON members of ``POST /v1/jobs``.

    Shorthand options change the default pipeline. With ``width=300``, the image is scaled down to a width of 300 pixels
    instead of to fit 1024 × 1024. ``grayscale=false`` keeps the colors. ``format=webp`` changes the output format.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    filename: str | None = Field(default=None, max_length=4096)
    pipeline: Annotated[Pipeline | None, BeforeValidator(_parse_text)] = None
    preset: str | None = Field(default=None, max_length=4096, description="Name of a preset, instead of a pipeline.")
    webhook: str | None = Field(
        default=None, max_length=4096, description="Name of a webhook that is notified when the job ends."
    )
    facts: Annotated[FactsOption | None, BeforeValidator(_parse_facts)] = Field(
        default=None,
        description='Facts about the image: `true` (default), `false`, or `{"gps": true}` to add the position.',
    )
    width: Count | None = None
    height: Count | None = None
    fit: Fit | None = None
    enlarge: Switch | None = None
    grayscale: Switch | None = None
    format: str | None = None
    quality: Count | None = None
    widths: Widths | None = Field(
        default=None,
        description="Widths of responsive outputs, separated by commas. Without `grayscale=true`, colors are kept.",
    )
    formats: Formats | None = Field(
        default=None, description="Formats of responsive outputs, separated by commas, instead of `format`."
    )

    @model_validator(mode="after")
    def _require_one_source(self) -> Self:
        if sum((self.pipeline is not None, self.preset is not None, bool(self.shorthand()))) > 1:
            raise ValueError("use only one of a pipeline, a preset and shorthand options")
        return self

    @property
    def chooses_pipeline(self) -> bool:
        """Return True if the request has a pipeline, a preset or shorthand options."""
        return bool(self.model_fields_set & {"pipeline", "preset", *SHORTHAND})

    def shorthand(self) -> dict[str, Any]:
        """Return the shorthand options of the request."""
        return {name: value for name in SHORTHAND if (value := getattr(self, name)) is not None}

    def choose_facts(self, default: FactsRequest | None = DEFAULT_FACTS) -> FactsRequest | None:
        """Return which facts the request asks for, or ``default`` if it has no such option."""
        if self.facts is None:
            return default
        if isinstance(self.facts, FactsRequest):
            return self.facts
        return FactsRequest() if self.facts else None

    def to_pipeline(self) -> Pipeline:
        """Return the pipeline of a request without a preset. Raises InvalidPipeline for invalid shorthand options."""
        if self.pipeline is not None:
            return self.pipeline
        given = self.shorthand()
        if not given:
            return DEFAULT_PIPELINE
        if "widths" in given or "formats" in given:
            return _make_responsive_pipeline(given)
        try:
            operations: tuple[Operation, ...] = (_resize(given),)
            if given.get("grayscale", True):
                operations += (Grayscale(),)
            output = Output.model_validate({name: given[name] for name in ("format", "quality") if name in given})
        except ValidationError as error:
            raise InvalidPipeline(errors=field_errors(error, Options)) from error
        return Pipeline(operations=operations, outputs=(output,))


_OptionsT = TypeVar("_OptionsT", bound=Options)


def read_options(query: Mapping[str, Any], fields: Mapping[str, Any]) -> Options:
    """Return the validated options of a request. Raises the errors of :func:`read_as`."""
    return read_as(Options, query, fields)


def read_as(model: type[_OptionsT], query: Mapping[str, Any], fields: Mapping[str, Any]) -> _OptionsT:
    """Return the options in the query and in the body (a form or JSON), validated by ``model``.

    Raises InvalidRequest if an option is unknown, or is in both the query and the body, or if an option other than the
    pipeline, the preset and the shorthand options is invalid. Raises InvalidPipeline if only these are invalid.
    """
    doubled = sorted(query.keys() & fields.keys())
    if doubled:
        raise InvalidRequest(
            errors=tuple(FieldError(json_pointer((name,)), "is both in the query and in the body") for name in doubled),
        )
    try:
        return model.model_validate({**query, **fields})
    except ValidationError as error:
        errors = field_errors(error, model)
        # An error without a pointer is about the combination of options.
        concerns_pipeline = all(each.pointer.split("/")[1:2] in _PIPELINE_POINTERS for each in errors)
        raise (InvalidPipeline if concerns_pipeline else InvalidRequest)(errors=errors) from error


class ImportRequest(Options):
    """Options of a job, and where its image is."""

    source: str = Field(
        max_length=2048,
        description="`s3://bucket/key` or `https://…` of the image, or `job:ID` for the stored raw image of another "
        "job, instead of its content.",
    )
    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Version ID of the object, if the bucket has versioning.",
    )

    def location(self) -> S3Location | UrlSource | JobReference:
        """Return where the image is. Raises InvalidRequest if ``source`` is not of an allowed form."""
        if self.version is not None and (is_url(self.source) or is_job_source(self.source)):
            raise InvalidRequest(errors=(FieldError("/version", "is allowed only for objects in S3"),))
        if is_url(self.source):
            return UrlSource(url=self.source)
        if is_job_source(self.source):
            reference = parse_job_source(self.source)
            if reference is None:
                why = "is not of the form job:ID, where ID has 26 letters and digits, as `id` of a job"
                raise InvalidRequest(errors=(FieldError("/source", why),))
            return reference
        found = parse_s3_location(self.source, self.version)
        if found is None:
            raise InvalidRequest(
                errors=(FieldError("/source", "is not of the form s3://bucket/key, https://host/path or job:ID"),)
            )
        return found


def read_import(query: Mapping[str, Any], fields: Mapping[str, Any]) -> ImportRequest:
    """Return the validated options of an import. Raises InvalidRequest or InvalidPipeline if an option is invalid."""
    request = read_as(ImportRequest, query, fields)
    request.location()
    return request


def _make_responsive_pipeline(given: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline of ``widths`` and ``formats``. Raises InvalidPipeline."""
    if "widths" not in given:
        raise InvalidPipeline(errors=(FieldError("/formats", "needs widths, such as widths=320,640"),))
    clashing = [name for name in _SINGLE_SIZE if name in given]
    if "formats" in given and "format" in given:
        clashing.append("format")
    if clashing:
        other = {"format": "formats"}
        raise InvalidPipeline(
            errors=tuple(
                FieldError(f"/{name}", f"can't be combined with {other.get(name, 'widths')}") for name in clashing
            )
        )
    formats = given.get("formats") or (given.get("format", DEFAULT_PIPELINE.outputs[0].format.value),)
    names = tuple(dict.fromkeys(normalize_format(each) for each in formats))
    quality = {name: given["quality"] for name in names if name in LOSSY_FORMATS} if "quality" in given else {}
    if "quality" in given and not quality:
        why = f"applies to none of the formats {', '.join(names)}, which are lossless"
        raise InvalidPipeline(errors=(FieldError("/quality", why),))
    try:
        responsive = Responsive.model_validate({"widths": given["widths"], "formats": formats, "quality": quality})
    except ValidationError as error:
        raise InvalidPipeline(errors=field_errors(error, Options)) from error
    return Pipeline(operations=(Grayscale(),) if given.get("grayscale") else (), responsive=responsive)


def _resize(given: Mapping[str, Any]) -> Resize:
    params = {name: given[name] for name in ("width", "height", "fit", "enlarge") if name in given}
    if "width" not in params and "height" not in params:
        params |= {"width": DEFAULT_BOX, "height": DEFAULT_BOX}
    elif len(params.keys() & {"width", "height"}) == 1:
        # With one side, the other follows from the aspect ratio, so that nothing is left to crop, fill or distort.
        params.pop("fit", None)
    return Resize.model_validate(params)


_PIPELINE_POINTERS: Final[tuple[list[str], ...]] = ([], ["pipeline"], ["preset"], *([name] for name in SHORTHAND))
