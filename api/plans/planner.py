"""Plans: sizes, limits, warnings and an estimate for a job, computed without the image.

The worker computes sizes and checks limits with the same functions, so a plan and its job agree.
"""

from dataclasses import dataclass

from api.plans.estimate import Estimate, estimate
from api.plans.schemas import PlannedImage
from api.plans.warnings import PlanWarning, find_warnings
from shared.errors import ImageError, TooManyFrames, TooManyTotalPixels
from shared.jobs.job import JobFailure
from shared.pipeline.image_formats import BMP, HEIC, JPEG, TIFF
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.output import ANIMATED_FORMATS, is_still_over_limits
from shared.pipeline.pipeline import Operation, Pipeline
from shared.pipeline.sizes import Size, compute_size_after, is_size_exact


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, and the size of the image before and after it."""

    operation: Operation
    before: Size
    #: The largest possible size if ``exact`` is False.
    after: Size
    #: False from a ``trim`` on, because it depends on the content of the image.
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job would do, and whether it would fail."""

    #: The operations up to a failure.
    steps: tuple[Step, ...]
    #: Size of every output. The largest possible size if ``exact`` is False.
    size: Size
    #: The error of the job, or None if no failure is predicted.
    failure: JobFailure | None
    warnings: tuple[PlanWarning, ...]
    #: How many frames the job processes.
    frames: int
    estimate: Estimate

    @property
    def exact(self) -> bool:
        """Return True if the size is certain, that is, if the pipeline has no ``trim``."""
        return all(step.exact for step in self.steps)


def plan(image: PlannedImage, pipeline: Pipeline, limits: Limits) -> Plan:
    """Return the plan for an image. Computes only sizes, and checks limits in the same order as the worker."""
    steps: list[Step] = []
    failure = None
    frames = count_frames(image, pipeline)
    if (
        frames > 1
        and is_still_over_limits(pipeline.list_formats())
        and _exceeds_limits(image, pipeline, limits, frames)
    ):
        frames = 1
    try:
        _apply_operations(image, pipeline, limits, frames, steps)
    except ImageError as error:
        failure = JobFailure.of(error)
    start = (image.width, image.height)
    sizes = [(step.before, step.after) for step in steps]
    return Plan(
        steps=tuple(steps),
        size=steps[-1].after if steps else start,
        failure=failure,
        warnings=find_warnings(image, pipeline, sizes, frames),
        frames=frames,
        estimate=estimate(image.image_format, start, pipeline, sizes, frames),
    )


def count_frames(image: PlannedImage, pipeline: Pipeline) -> int:
    """Return how many frames a job would process: all if an output format supports animation, otherwise 1."""
    animated = image.image_format not in {TIFF, JPEG, BMP, HEIC}
    kept = animated and any(each in ANIMATED_FORMATS for each in pipeline.list_formats())
    return (image.frames or 1) if kept else 1


def _exceeds_limits(image: PlannedImage, pipeline: Pipeline, limits: Limits, frames: int) -> bool:
    """Return True if the frames of the animation together exceed a limit."""
    try:
        _apply_operations(image, pipeline, limits, frames, [])
    except (TooManyFrames, TooManyTotalPixels):
        return True
    except ImageError:
        return False
    return False


def _apply_operations(image: PlannedImage, pipeline: Pipeline, limits: Limits, frames: int, steps: list[Step]) -> None:
    """Append a step to ``steps`` for each operation. Raises ImageError if the image exceeds a limit.

    From a ``trim`` on, sizes are only upper bounds, so no failure is predicted.
    """
    size = (image.width, image.height)
    limits.check_format(image.image_format)
    if image.size is not None:
        limits.check_bytes(image.size)
    limits.check_size(size)
    if frames > 1:
        limits.check_frames(frames, size)
    exact = True
    for operation in pipeline.operations:
        exact = exact and is_size_exact((operation,))
        try:
            after = compute_size_after(size, operation)
        except ImageError:
            if exact:
                raise
            after = size
        steps.append(Step(operation, size, after, exact))
        if exact:
            limits.check_size(after)
            limits.check_frames(frames, after)
        size = after
    if exact:
        check_result_size(size)
