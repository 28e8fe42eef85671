"""Views of health and capabilities.

Capabilities are read from the definitions that the API and the worker use. ``tests/integration/test_capabilities.py``
checks each entry against the worker.
"""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, Field

from api.http.body import MAX_RAW_BYTES
from api.http.schemas import View
from api.presets.schemas import PresetView
from shared.pipeline.image_formats import INPUT_FORMATS, UNSUPPORTED_FORMATS
from shared.pipeline.limits import HEIF_IS_OFF, Limits
from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import ANIMATED_FORMATS, LOSSY_FORMATS
from shared.pipeline.pipeline import DEFAULT_PIPELINE, MAX_OPERATIONS, MAX_OUTPUTS, MAX_SIDE, Output, Pipeline
from shared.pipeline.pipeline import OutputFormat as WrittenFormat
from shared.pipeline.preset import BUILT_IN
from shared.pipeline.responsive import Responsive
from shared.version import VERSION


class HealthView(View):
    """The state of the API, if it and its job table respond."""

    status: str
    version: str


class OperationView(View):
    """One operation, and the JSON Schema of its parameters."""

    op: str
    description: str
    parameters: dict[str, Any] = Field(description="JSON Schema of the operation, including `op`.")


class InputView(View):
    """An input format. It is detected from the content of a file, not from its name."""

    format: str
    media_type: str
    extension: str


class UnsupportedFormatView(View):
    """A known format that is not supported."""

    format: str
    reason: str


class OutputFormatView(View):
    """An output format."""

    name: str = Field(description="Value of an output's `format`.")
    media_type: str
    extension: str
    alpha: bool = Field(
        description="True if the format supports transparency. If not, the color `background` replaces it."
    )
    animation: bool = Field(
        description="True if the format supports animation. If not, only the first frame is written."
    )
    quality: bool = Field(description="True if an output in this format accepts `quality` and `max_bytes`.")


class OutputsView(View):
    """Output formats and the parameters of an output."""

    formats: list[OutputFormatView]
    parameters: dict[str, Any] = Field(description="JSON Schema of an output.")
    responsive: dict[str, Any] = Field(description="JSON Schema of `responsive`, which adds outputs to a pipeline.")


class LimitsView(View):
    """Limits of this deployment. The worker checks the first five before it decodes an image."""

    max_raw_bytes: int
    max_pixels: int
    max_side: int = Field(description="Maximum width and height in pixels, of the raw image and after each operation.")
    max_frames: int = Field(description="Maximum number of frames, if all frames of an animation are processed.")
    max_total_pixels: int = Field(description="Maximum number of pixels of all frames of an animation together.")
    max_body_bytes: int = Field(
        description="Maximum size in bytes of an image in the body of `POST /v1/jobs`, before base64 encoding."
    )
    max_operations: int
    max_outputs: int
    max_result_side: int = Field(
        description="Maximum width and height in pixels of an output, and of a size that an operation requests."
    )
    max_wait_seconds: int = Field(
        description="Longest time in seconds for which `Prefer: wait=N` waits. 0: the API does not wait."
    )


class SandboxView(View):
    """How this deployment confines the processes that decode images."""

    mode: Literal["best", "require"] = Field(
        description="With `require`, no image is rendered while the sandbox is incomplete."
    )
    layers: list[str] | None = Field(
        description=(
            "Layers that were complete when the worker rendered the newest completed image among the caller's last 20"
            " jobs, as its receipt says; null if there is no such image."
        )
    )


class CapabilitiesView(View):
    """Capabilities of this deployment."""

    version: str
    operations: list[OperationView]
    inputs: list[InputView]
    not_available: list[UnsupportedFormatView]
    outputs: OutputsView
    limits: LimitsView
    sandbox: SandboxView
    default_pipeline: Pipeline
    presets: list[PresetView] = Field(
        description="Built-in presets. `GET /v1/presets` also lists the presets of the caller."
    )

    @classmethod
    def of(cls, limits: Limits, sandbox: SandboxView, max_wait_seconds: int) -> Self:
        """Return the capabilities with the limits and the sandbox of the worker."""
        return cls(
            version=VERSION,
            operations=[_operation(model) for model in operation_models()],
            inputs=[
                InputView(format=each.name, media_type=each.media_type, extension=each.extension)
                for each in INPUT_FORMATS
                if limits.accepts(each)
            ],
            not_available=[
                *(
                    UnsupportedFormatView(format=each.name, reason=HEIF_IS_OFF)
                    for each in INPUT_FORMATS
                    if not limits.accepts(each)
                ),
                *(UnsupportedFormatView(format=name, reason=reason) for name, reason in UNSUPPORTED_FORMATS.items()),
            ],
            outputs=OutputsView(
                formats=[_output_format(each) for each in WrittenFormat],
                parameters=Output.model_json_schema(),
                responsive=Responsive.model_json_schema(),
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
                max_wait_seconds=max_wait_seconds,
            ),
            sandbox=sandbox,
            default_pipeline=DEFAULT_PIPELINE,
            presets=[PresetView.of(preset) for preset in BUILT_IN.values()],
        )


def operation_models() -> tuple[type[BaseModel], ...]:
    """Return the models of all operations: the members of the union that validates a pipeline."""
    return get_args(AnyOperation)


def _operation(model: type[BaseModel]) -> OperationView:
    schema = model.model_json_schema()
    return OperationView(op=model.model_fields["op"].default, description=schema["description"], parameters=schema)


def _output_format(output: WrittenFormat) -> OutputFormatView:
    image_format = output.image_format
    return OutputFormatView(
        name=output.value,
        media_type=image_format.media_type,
        extension=image_format.extension,
        alpha=image_format.alpha,
        animation=output in ANIMATED_FORMATS,
        quality=output in LOSSY_FORMATS,
    )
