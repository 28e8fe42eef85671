"""What this deployment can do, from the same tables that its functions work with.

``tests/integration/test_capabilities.py`` puts each claim to the worker, so that none can be untrue.
"""

from typing import Any, Self, get_args

from pydantic import BaseModel, Field

from api.http.body import MAX_RAW_BYTES
from api.http.schemas import View
from api.presets.schemas import PresetView
from shared.pipeline.image_formats import INPUT_FORMATS, UNSUPPORTED_FORMATS
from shared.pipeline.limits import Limits
from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import ANIMATED_FORMATS, LOSSY_FORMATS
from shared.pipeline.pipeline import DEFAULT_PIPELINE, MAX_OPERATIONS, MAX_OUTPUTS, MAX_SIDE, Output, Pipeline
from shared.pipeline.pipeline import OutputFormat as WrittenFormat
from shared.pipeline.preset import BUILT_IN
from shared.version import VERSION


class HealthView(View):
    """The API and its table answer."""

    status: str
    version: str


class OperationView(View):
    """One operation and its parameters."""

    op: str
    description: str
    parameters: dict[str, Any] = Field(description="JSON Schema of the operation, `op` included.")


class InputView(View):
    """One format that can be read; the content of a file decides, not its name."""

    format: str
    media_type: str
    extension: str


class MissingView(View):
    """One format that is known and can't be read here."""

    format: str
    reason: str


class OutputFormatView(View):
    """One format that can be written."""

    name: str = Field(description="As in an output's `format`.")
    media_type: str
    extension: str
    alpha: bool = Field(description="Whether it keeps transparency; else that is laid on the output's `background`.")
    animation: bool = Field(description="Whether it keeps an animation; else the first frame is written.")
    quality: bool = Field(description="Whether it takes `quality` and `max_bytes`.")


class OutputsView(View):
    """What can be written, and how to ask for it."""

    formats: list[OutputFormatView]
    parameters: dict[str, Any] = Field(description="JSON Schema of an output.")


class LimitsView(View):
    """Limits of this deployment. The worker decides the first five from the header, before it decodes."""

    max_raw_bytes: int
    max_pixels: int
    max_side: int = Field(description="Pixels, of the raw image and of every step.")
    max_frames: int = Field(description="Of an animation that is kept as one.")
    max_total_pixels: int = Field(description="Of all frames of an animation together.")
    max_body_bytes: int = Field(description="Of a picture in the body of `POST /v1/jobs`, as raw bytes.")
    max_operations: int
    max_outputs: int
    max_result_side: int = Field(description="Pixels, as an operation may ask for.")


class CapabilitiesView(View):
    """What this deployment can do."""

    version: str
    operations: list[OperationView]
    inputs: list[InputView]
    not_available: list[MissingView]
    outputs: OutputsView
    limits: LimitsView
    default_pipeline: Pipeline
    presets: list[PresetView] = Field(description="Built-in ones; `GET /v1/presets` lists the caller's own too.")

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """Tell all of it; ``limits`` are those of the worker."""
        return cls(
            version=VERSION,
            operations=[_operation(model) for model in operation_models()],
            inputs=[
                InputView(format=each.name, media_type=each.media_type, extension=each.extension)
                for each in INPUT_FORMATS
            ],
            not_available=[MissingView(format=name, reason=reason) for name, reason in UNSUPPORTED_FORMATS.items()],
            outputs=OutputsView(
                formats=[_output_format(each) for each in WrittenFormat],
                parameters=Output.model_json_schema(),
            ),
            limits=LimitsView(
                max_raw_bytes=limits.max_bytes,
                max_pixels=limits.max_pixels,
                max_side=limits.max_side,
                max_frames=limits.max_frames,
                max_total_pixels=limits.max_total_pixels,
                max_body_bytes=MAX_RAW_BYTES,
                max_operations=MAX_OPERATIONS,
                max_outputs=MAX_OUTPUTS,
                max_result_side=MAX_SIDE,
            ),
            default_pipeline=DEFAULT_PIPELINE,
            presets=[PresetView.of(preset) for preset in BUILT_IN.values()],
        )


def operation_models() -> tuple[type[BaseModel], ...]:
    """Return the models of all operations, from the union that validates a pipeline."""
    return get_args(AnyOperation)


def _operation(model: type[BaseModel]) -> OperationView:
    schema = model.model_json_schema()
    return OperationView(op=model.model_fields["op"].default, description=schema["description"], parameters=schema)


def _output_format(output: WrittenFormat) -> OutputFormatView:
    facts = output.image_format
    return OutputFormatView(
        name=output.value,
        media_type=facts.media_type,
        extension=facts.extension,
        alpha=facts.alpha,
        animation=output in ANIMATED_FORMATS,
        quality=output in LOSSY_FORMATS,
    )
