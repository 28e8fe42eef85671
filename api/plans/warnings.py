"""Warnings of a plan: changes of the image that the caller may not expect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.plans.schemas import PlannedImage
from shared.pipeline.estimate import trace_sizes
from shared.pipeline.image_formats import TIFF
from shared.pipeline.operations import Background, Fit, Operation, Pad, Resize, Rotate, RoundCorners
from shared.pipeline.output import ANIMATED_FORMATS, OutputFormat
from shared.pipeline.pipeline import Output, Pipeline
from shared.pipeline.sizes import Size, fit_size


class WarningCode(StrEnum):
    """Codes of warnings. A code never changes after its release."""

    #: The image is enlarged.
    ENLARGED = "ENLARGED"
    #: The aspect ratio changes.
    SHAPE_CHANGED = "SHAPE_CHANGED"
    #: Only the first frame or page is processed.
    FIRST_FRAME_ONLY = "FIRST_FRAME_ONLY"
    #: The output format has no transparency, so a background color replaces it.
    ALPHA_LOST = "ALPHA_LOST"
    #: The output format has at most 256 colors.
    COLORS_REDUCED = "COLORS_REDUCED"


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """One warning."""

    code: WarningCode
    message: str
    #: JSON pointer into the pipeline. Empty if the warning is about the whole image.
    pointer: str
    #: False if the warning depends on unknown properties of the image.
    certain: bool = True


@dataclass(frozen=True, slots=True)
class _Target:
    """An output, or a format of responsive outputs, and what runs before it is written."""

    format: OutputFormat
    background: str
    pointer: str
    steps: Sequence[tuple[Operation, tuple[Size, Size]]]


def find_warnings(image: PlannedImage, pipeline: Pipeline, frames: int) -> tuple[PlanWarning, ...]:
    """Return the warnings for an image. ``frames`` is how many frames the job processes."""
    sizes = trace_sizes((image.width, image.height), pipeline.operations)
    full = sizes[-1][1] if sizes else (image.width, image.height)
    shared = list(zip(pipeline.operations, sizes, strict=True))
    targets = list(_list_targets(pipeline, full, shared))
    return (
        *_check_frames(image, targets, frames),
        *_check_sizes("/operations", shared),
        *(
            warning
            for target in targets
            for warning in _check_sizes(f"{target.pointer}/operations", target.steps[len(shared) :])
        ),
        *_check_alpha(image, targets),
        *_check_colors(targets),
    )


def _list_targets(
    pipeline: Pipeline, full: Size, shared: Sequence[tuple[Operation, tuple[Size, Size]]]
) -> Iterator[_Target]:
    for index, output in enumerate(pipeline.outputs):
        own = zip(output.operations, trace_sizes(full, output.operations), strict=True)
        yield _Target(output.format, output.background, f"/outputs/{index}", [*shared, *own])
    if pipeline.responsive:
        for index, each in enumerate(pipeline.responsive.formats):
            yield _Target(each, Output().background, f"/responsive/formats/{index}", shared)


def _check_frames(image: PlannedImage, targets: Sequence[_Target], frames: int) -> Iterator[PlanWarning]:
    if not image.image_format.frames or image.animated is False:
        return
    certain = image.animated is True
    if image.image_format is TIFF:
        text = "Only the first page of the file is processed."
        yield PlanWarning(WarningCode.FIRST_FRAME_ONLY, _with_condition(text, "there are more", certain), "", certain)
        return
    for target in targets:
        if target.format not in ANIMATED_FORMATS:
            name = target.format.image_format.name
            text = f"Only the first frame is written, because {name} has no animation."
            said = _with_condition(text, "the image is animated", certain)
            yield PlanWarning(WarningCode.FIRST_FRAME_ONLY, said, target.pointer, certain)
        elif frames == 1 < (image.frames or 1):
            text = "Only the first frame is written, because the animation exceeds a limit."
            yield PlanWarning(WarningCode.FIRST_FRAME_ONLY, text, target.pointer)


def _check_sizes(start: str, steps: Sequence[tuple[Operation, tuple[Size, Size]]]) -> Iterator[PlanWarning]:
    """Yield the warnings about resizes. ``start`` is the pointer to the list of operations."""
    for index, (operation, (before, after)) in enumerate(steps):
        if not isinstance(operation, Resize):
            continue
        pointer = f"{start}/{index}"
        drawn = _drawn_size(operation, before, after)
        if drawn[0] > before[0] or drawn[1] > before[1]:
            text = f"Enlarges the image from {_sides(before)} to {_sides(drawn)} pixels, which adds no detail."
            yield PlanWarning(WarningCode.ENLARGED, text, pointer)
        if operation.fit is Fit.EXACT and not _same_shape(before, after):
            text = f"Distorts the image: {_sides(before)} and {_sides(after)} pixels have different proportions."
            yield PlanWarning(WarningCode.SHAPE_CHANGED, text, pointer)


def _check_alpha(image: PlannedImage, targets: Sequence[_Target]) -> Iterator[PlanWarning]:
    for target in targets:
        alpha = image.alpha if image.image_format.alpha else False
        for operation, (before, _) in target.steps:
            alpha = _alpha_after(alpha, operation, before)
        if alpha is not False and not target.format.image_format.alpha:
            text = f"{target.format.image_format.name} has no transparency: {target.background} replaces it."
            said = _with_condition(text, "the image is transparent", alpha is True)
            yield PlanWarning(WarningCode.ALPHA_LOST, said, target.pointer, alpha is True)


def _check_colors(targets: Sequence[_Target]) -> Iterator[PlanWarning]:
    for target in targets:
        if target.format is OutputFormat.GIF:
            text = "A GIF has at most 256 colors, so an image with more colors is dithered."
            yield PlanWarning(WarningCode.COLORS_REDUCED, text, target.pointer, certain=False)


def _drawn_size(operation: Resize, before: Size, after: Size) -> Size:
    """Return the size of the image itself, which ``contain`` places on a larger background."""
    if operation.fit is not Fit.CONTAIN:
        return after
    return fit_size(before, (operation.width, operation.height), enlarge=operation.enlarge)


def _with_condition(text: str, condition: str, certain: bool) -> str:
    return text if certain else f"If {condition}: {text}"


def _sides(size: Size) -> str:
    return f"{size[0]} × {size[1]}"


def _same_shape(before: Size, after: Size) -> bool:
    """Return True if the proportions are equal, up to a difference of one pixel."""
    scale = after[0] / before[0]
    return abs(before[1] * scale - after[1]) <= 1


def _alpha_after(alpha: bool | None, operation: Operation, before: Size) -> bool | None:
    """Return True if an image can have transparent pixels after an operation, or None if that is unknown."""
    match operation:
        case RoundCorners():
            return True
        case Background(color=color):
            return False if _is_opaque(color) else alpha
        case Pad(background=color) | Rotate(background=color) | Resize(background=color) if _adds_area(
            operation, before
        ):
            return not _is_opaque(color)
        case _:
            return alpha


def _adds_area(operation: Pad | Rotate | Resize, before: Size) -> bool:
    """Return True if an operation adds an area that its background color fills."""
    if isinstance(operation, Pad):
        return any((operation.top, operation.right, operation.bottom, operation.left))
    if isinstance(operation, Rotate):
        return operation.angle % 90 != 0
    box = (operation.width, operation.height)
    return operation.fit is Fit.CONTAIN and fit_size(before, box, enlarge=operation.enlarge) != box


def _is_opaque(color: str) -> bool:
    """Return True for ``#rrggbb`` and ``#rrggbbff``."""
    return len(color) == 7 or color.lower().endswith("ff")
