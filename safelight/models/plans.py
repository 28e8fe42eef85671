"""Plans: what a job would do with an image."""

from typing import Any

from pydantic import Field

from safelight.models.catalog import PresetReference
from safelight.models.jobs import JobFailure, Output, SkippedOutput
from safelight.models.response import Response


class PlanStep(Response):
    """One operation and the image size after it."""

    op: str
    width: int | None = None
    height: int | None = None
    #: False if the size depends on the content. It is then the largest possible.
    exact: bool = True


class PlanWarning(Response):
    """A possible problem with the planned job."""

    code: str
    message: str
    pointer: str = ""
    certain: bool = True


class PlannedImage(Response):
    """The image that a plan is for."""

    format: str | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    frames: int | None = None
    #: True if the image has several frames; None if unknown.
    animated: bool | None = None
    #: True if the image can have transparent pixels; None if unknown.
    alpha: bool | None = None


class Estimate(Response):
    """The expected CPU time and memory of a job, as orders of magnitude."""

    milliseconds: int | None = None
    memory_bytes: int | None = None
    #: Size of all outputs together.
    result_bytes: int | None = None


class PlanLimit(Response):
    """A limit, and the value that the job would reach."""

    name: str
    limit: int
    #: Largest value of the image and all steps; None if unknown.
    value: int | None = None
    #: Error code of a job that exceeds the limit.
    code: str = ""
    exceeded: bool = False


class PlannedOutput(Output):
    """One file that the job would write."""

    #: File name extension.
    extension: str | None = None
    #: False if the size depends on the content. It is then the largest possible.
    exact: bool = True
    #: Estimated size of the file, as an order of magnitude.
    estimated_bytes: int | None = None
    #: The operations of this output alone.
    steps: tuple[PlanStep, ...] = ()


class Plan(Response):
    """What a job would do, and how it would end."""

    ok: bool
    failure: JobFailure | None = None
    picture: PlannedImage = PlannedImage()
    pipeline: dict[str, Any] = Field(default_factory=dict)
    preset: PresetReference | None = None
    steps: tuple[PlanStep, ...] = ()
    outputs: tuple[PlannedOutput, ...] = ()
    skipped: tuple[SkippedOutput, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    estimate: Estimate = Estimate()
    limits: tuple[PlanLimit, ...] = ()
