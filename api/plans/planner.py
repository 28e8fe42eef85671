"""What would become of an image: sizes, limits, warnings and an estimate, without the image.

The sizes and the limits are those that the worker itself uses, so a plan and a job can't disagree on them.
"""

from dataclasses import dataclass

from api.plans.estimate import Estimate, estimate
from api.plans.schemas import PlannedPicture
from api.plans.warnings import PlanWarning, find_warnings
from shared.errors import ImageError
from shared.jobs.job import JobFailure
from shared.pipeline.image_formats import BMP, JPEG, TIFF
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.output import ANIMATED_FORMATS
from shared.pipeline.pipeline import Operation, Pipeline
from shared.pipeline.sizes import Size, compute_size_after, is_size_exact


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, and the size before and after it."""

    operation: Operation
    before: Size
    #: The largest that it can be, if not exact.
    after: Size
    #: False after a trim, which depends on the content.
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job would do and how it would end."""

    #: As far as the pipeline would run.
    steps: tuple[Step, ...]
    #: Of every output, or the largest that it can be.
    size: Size
    #: What the job would fail with, by what is known now.
    failure: JobFailure | None
    warnings: tuple[PlanWarning, ...]
    estimate: Estimate

    @property
    def exact(self) -> bool:
        """Tell whether the size is certain, as it is not after a trim."""
        return all(step.exact for step in self.steps)


def plan(picture: PlannedPicture, pipeline: Pipeline, limits: Limits) -> Plan:
    """Work a pipeline through on sizes alone, in the order in which the worker checks and works."""
    steps: list[Step] = []
    failure = None
    try:
        _work_through(picture, pipeline, limits, steps)
    except ImageError as error:
        failure = JobFailure.of(error)
    start = (picture.width, picture.height)
    sizes = [(step.before, step.after) for step in steps]
    return Plan(
        steps=tuple(steps),
        size=steps[-1].after if steps else start,
        failure=failure,
        warnings=find_warnings(picture, pipeline, sizes),
        estimate=estimate(picture.image_format, start, pipeline, sizes, frames_kept(picture, pipeline)),
    )


def frames_kept(picture: PlannedPicture, pipeline: Pipeline) -> int:
    """Return how many frames the operations run on, as far as is known: all, where an output holds an animation."""
    animated = picture.image_format not in {TIFF, JPEG, BMP}
    kept = animated and any(output.format in ANIMATED_FORMATS for output in pipeline.outputs)
    return (picture.frames or 1) if kept else 1


def _work_through(picture: PlannedPicture, pipeline: Pipeline, limits: Limits, steps: list[Step]) -> None:
    """Add step after step, as far as the limits allow. Raises ImageError.

    After a trim sizes are upper bounds, so that no failure can be foretold.
    """
    size, frames = (picture.width, picture.height), frames_kept(picture, pipeline)
    if picture.size is not None:
        limits.check_bytes(picture.size)
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
