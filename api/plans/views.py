"""Views of a plan."""

from typing import Self

from pydantic import Field

from api.http.schemas import View
from api.jobs.schemas import FailureView, PresetRefView, SkippedView
from api.plans.planner import Plan, PlannedOutput
from api.plans.schemas import PlannedImage
from api.plans.steps import Step
from api.plans.warnings import WarningCode
from shared.jobs.job_spec import JobSpec
from shared.pipeline.estimate import estimate_bytes
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import MAX_SIDE, Pipeline


class PlannedImageView(View):
    """The image that the plan is for."""

    format: str
    media_type: str
    width: int = Field(description="Pixels, after the EXIF orientation is applied.")
    height: int
    size: int | None = Field(description="Size of the file in bytes. Null if unknown.")
    frames: int | None
    animated: bool | None = Field(description="True if the image has several frames. Null if unknown.")
    alpha: bool | None = Field(description="True if the image can have transparent pixels. Null if unknown.")


class StepView(View):
    """One operation, and the size of the image after it."""

    op: str
    width: int = Field(description="Pixels.")
    height: int
    exact: bool = Field(
        description="False if the size depends on the content, as after a `trim`. It is then the largest possible."
    )


class PlannedOutputView(View):
    """One file that would be written."""

    name: str
    format: str
    media_type: str
    extension: str
    width: int = Field(description="Pixels.")
    height: int
    exact: bool = Field(description="False if the size depends on the content. The size is then the largest possible.")
    estimated_bytes: int = Field(description="Estimated size of the file. Only the order of magnitude is reliable.")
    steps: list[StepView] = Field(description="The operations of this output alone.")


class PlanWarningView(View):
    """One warning."""

    code: WarningCode
    message: str
    pointer: str = Field(description="JSON pointer into the pipeline. Empty if the warning is about the whole image.")
    certain: bool = Field(description="False if the warning depends on unknown properties of the image.")


class LimitView(View):
    """A limit, and the value that the job would reach."""

    name: str
    limit: int
    value: int | None = Field(description="Largest value of the image and all steps. Null if unknown.")
    code: str = Field(description="Error code of a job that exceeds this limit.")
    exceeded: bool


class EstimateView(View):
    """Estimated CPU time and memory of a job. Only the order of magnitude is reliable."""

    milliseconds: int = Field(description="CPU time on one processor, without queueing and transfers.")
    memory_bytes: int
    result_bytes: int = Field(description="Size of all outputs together.")


class PlanView(View):
    """What a job would do."""

    ok: bool = Field(description="True if no failure of the job is predicted.")
    failure: FailureView | None = Field(description="The predicted error of the job. Null if no failure is predicted.")
    picture: PlannedImageView
    pipeline: Pipeline
    preset: PresetRefView | None
    steps: list[StepView] = Field(description="The operations that all outputs share, up to a failure.")
    outputs: list[PlannedOutputView] = Field(description="Empty if the job would fail.")
    skipped: list[SkippedView] = Field(description="Responsive outputs that are not written.")
    warnings: list[PlanWarningView]
    limits: list[LimitView]
    estimate: EstimateView

    @classmethod
    def of(cls, image: PlannedImage, spec: JobSpec, plan: Plan, limits: Limits) -> Self:
        """Return the view of a plan."""
        return cls(
            ok=plan.failure is None,
            failure=FailureView.of(plan.failure),
            picture=PlannedImageView(
                format=image.image_format.name,
                media_type=image.image_format.media_type,
                width=image.width,
                height=image.height,
                size=image.size,
                frames=image.frames,
                animated=image.animated,
                alpha=image.alpha,
            ),
            pipeline=spec.pipeline,
            preset=PresetRefView.of(spec.preset),
            steps=[_step(step) for step in plan.steps],
            outputs=[_output(each, plan.frames) for each in plan.outputs] if plan.failure is None else [],
            skipped=[SkippedView.of(each) for each in plan.skipped],
            warnings=[
                PlanWarningView(code=each.code, message=each.message, pointer=each.pointer, certain=each.certain)
                for each in plan.warnings
            ],
            limits=_limits(image, plan, limits),
            estimate=EstimateView(
                milliseconds=plan.estimate.milliseconds,
                memory_bytes=plan.estimate.memory_bytes,
                result_bytes=plan.estimate.result_bytes,
            ),
        )


def _step(step: Step) -> StepView:
    return StepView(op=step.operation.op, width=step.after[0], height=step.after[1], exact=step.exact)


def _output(planned: PlannedOutput, frames: int) -> PlannedOutputView:
    image_format = planned.output.format.image_format
    return PlannedOutputView(
        name=planned.output.name,
        format=image_format.name,
        media_type=image_format.media_type,
        extension=image_format.extension,
        width=planned.size[0],
        height=planned.size[1],
        exact=planned.exact,
        estimated_bytes=estimate_bytes(planned.output, planned.size, frames),
        steps=[_step(step) for step in planned.steps],
    )


def _limits(image: PlannedImage, plan: Plan, limits: Limits) -> list[LimitView]:
    sizes = [(image.width, image.height), *(step.after for step in plan.all_steps if step.exact)]
    pixels = max(width * height for width, height in sizes)
    known = plan.frames if image.frames is not None or image.animated is False else None
    exact = [max(each.size) for each in plan.outputs if each.exact]
    result = max(exact) if exact and len(exact) == len(plan.outputs) else None
    rows = (
        ("max_raw_bytes", limits.max_bytes, image.size, "TOO_MANY_BYTES"),
        ("max_side", limits.max_side, max(max(size) for size in sizes), "SIDE_TOO_LONG"),
        ("max_pixels", limits.max_pixels, pixels, "TOO_MANY_PIXELS"),
        ("max_frames", limits.max_frames, known, "TOO_MANY_FRAMES"),
        ("max_total_pixels", limits.max_total_pixels, known and known * pixels, "TOO_MANY_TOTAL_PIXELS"),
        ("max_result_side", MAX_SIDE, result, "SIDE_TOO_LONG"),
    )
    return [
        LimitView(name=name, limit=limit, value=value, code=code, exceeded=value is not None and value > limit)
        for name, limit, value, code in rows
    ]
