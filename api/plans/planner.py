"""Plans: sizes, limits, warnings and an estimate for a job, computed without the image.

The worker computes sizes and checks limits with the same functions, so a plan and its job agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from api.plans.schemas import PlannedImage
from api.plans.steps import Step, Steps
from api.plans.warnings import PlanWarning, find_warnings
from shared.errors import ImageError, TooManyFrames, TooManyTotalPixels
from shared.jobs.job import JobFailure
from shared.pipeline.estimate import Estimate, estimate
from shared.pipeline.image_formats import BMP, HEIC, JPEG, TIFF
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.output import ANIMATED_FORMATS, is_still_over_limits
from shared.pipeline.output_errors import name_output
from shared.pipeline.pipeline import Output, Pipeline
from shared.pipeline.responsive import SkippedOutput
from shared.pipeline.sizes import Size


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """One file that would be written, and its own operations."""

    output: Output
    steps: tuple[Step, ...]
    #: The largest possible size if ``exact`` is False.
    size: Size
    #: True if the size is certain, that is, if no operation is a ``trim``.
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job would do, and whether it would fail."""

    #: The shared operations up to a failure.
    steps: tuple[Step, ...]
    #: The outputs up to a failure. They do not depend on the content of the image, except for responsive outputs after
    #: a ``trim``: these are the outputs of the largest possible image.
    outputs: tuple[PlannedOutput, ...]
    skipped: tuple[SkippedOutput, ...]
    #: The error of the job, or None if no failure is predicted.
    failure: JobFailure | None
    warnings: tuple[PlanWarning, ...]
    #: How many frames the job processes.
    frames: int
    estimate: Estimate

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Return the shared operations and those of all outputs."""
        return (*self.steps, *(step for each in self.outputs for step in each.steps))


def plan(image: PlannedImage, pipeline: Pipeline, limits: Limits) -> Plan:
    """Return the plan for an image. Computes only sizes, and checks limits in the same order as the worker."""
    frames = count_frames(image, pipeline)
    can_be_still = is_still_over_limits(pipeline.list_formats())
    if frames > 1 and can_be_still and _exceeds_limits(image, pipeline, limits, frames):
        frames = 1
    steps = Steps((image.width, image.height))
    outputs: list[PlannedOutput] = []
    failure = None
    try:
        _check_image(image, limits, frames)
        steps.apply(pipeline.operations, limits, frames)
        outputs.extend(_plan_outputs(pipeline, steps, limits, frames))
        for each in outputs:
            if each.exact:
                check_result_size(each.size)
    except ImageError as error:
        failure = JobFailure.of(error)
    return Plan(
        steps=tuple(steps),
        outputs=tuple(outputs),
        skipped=pipeline.expand_outputs(steps.size[0]).skipped,
        failure=failure,
        warnings=find_warnings(image, pipeline, frames),
        frames=frames,
        estimate=estimate(image.image_format, (image.width, image.height), pipeline, frames),
    )


def count_frames(image: PlannedImage, pipeline: Pipeline) -> int:
    """Return how many frames a job would process: all if an output format supports animation, otherwise 1."""
    animated = image.image_format not in {TIFF, JPEG, BMP, HEIC}
    kept = animated and any(each in ANIMATED_FORMATS for each in pipeline.list_formats())
    return (image.frames or 1) if kept else 1


def _plan_outputs(pipeline: Pipeline, shared: Steps, limits: Limits, frames: int) -> Iterator[PlannedOutput]:
    """Yield the outputs. Raises ImageError, which names the output, if one exceeds a limit."""
    expansion = pipeline.expand_outputs(shared.size[0])
    for output in expansion.outputs:
        steps = Steps(shared.size, exact=shared.exact)
        with name_output(output.name, is_only=pipeline.is_single):
            steps.apply(output.operations, limits, frames)
        yield PlannedOutput(output, tuple(steps), steps.size, steps.exact)


def _exceeds_limits(image: PlannedImage, pipeline: Pipeline, limits: Limits, frames: int) -> bool:
    """Return True if the frames of the animation together exceed a limit."""
    try:
        _check_image(image, limits, frames)
        steps = Steps((image.width, image.height))
        steps.apply(pipeline.operations, limits, frames)
        list(_plan_outputs(pipeline, steps, limits, frames))
    except (TooManyFrames, TooManyTotalPixels):
        return True
    except ImageError:
        return False
    return False


def _check_image(image: PlannedImage, limits: Limits, frames: int) -> None:
    """Raise ImageError if the image itself exceeds a limit."""
    limits.check_format(image.image_format)
    if image.size is not None:
        limits.check_bytes(image.size)
    limits.check_size((image.width, image.height))
    if frames > 1:
        limits.check_frames(frames, (image.width, image.height))
