"""What a job would do to an image that its owner may not expect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.plans.alpha import alpha_after
from api.plans.schemas import PlannedPicture
from shared.pipeline.image_formats import TIFF
from shared.pipeline.operations import Fit, Resize
from shared.pipeline.output import ANIMATED_FORMATS, OutputFormat
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size, fit_size


class WarningCode(StrEnum):
    """What a warning is about; never changes once released."""

    #: Pixels are made up.
    ENLARGED = "ENLARGED"
    #: The proportions are given up.
    SHAPE_CHANGED = "SHAPE_CHANGED"
    #: The other frames of an animation, or pages, are left out.
    FIRST_FRAME_ONLY = "FIRST_FRAME_ONLY"
    #: Transparency is laid on a color, because the output's format has none.
    ALPHA_LOST = "ALPHA_LOST"
    #: The output's format has 256 colors.
    COLORS_REDUCED = "COLORS_REDUCED"


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """One thing to know before."""

    code: WarningCode
    message: str
    #: Into the pipeline, as a JSON pointer; empty for the image as a whole.
    pointer: str
    #: False where it depends on what is not known of the image.
    certain: bool = True


def find_warnings(
    picture: PlannedPicture,
    pipeline: Pipeline,
    sizes: Sequence[tuple[Size, Size]],
) -> tuple[PlanWarning, ...]:
    """Collect the warnings; ``sizes`` are those before and after each operation."""
    return (
        *_about_frames(picture, pipeline),
        *_about_sizes(pipeline, sizes),
        *_about_alpha(picture, pipeline, sizes),
        *_about_colors(pipeline),
    )


def _about_frames(picture: PlannedPicture, pipeline: Pipeline) -> Iterator[PlanWarning]:
    if not picture.image_format.frames or picture.animated is False:
        return
    certain = picture.animated is True
    if picture.image_format is TIFF:
        text = "Only the first page of the file is processed."
        yield PlanWarning(WarningCode.FIRST_FRAME_ONLY, _unless_known(text, "there are more", certain), "", certain)
        return
    for index, output in enumerate(pipeline.outputs):
        if output.format not in ANIMATED_FORMATS:
            name = output.format.image_format.name
            text = f"Only the first frame is written as {name}, which holds no animation."
            said = _unless_known(text, "the picture is animated", certain)
            yield PlanWarning(WarningCode.FIRST_FRAME_ONLY, said, f"/outputs/{index}", certain)


def _about_sizes(pipeline: Pipeline, sizes: Sequence[tuple[Size, Size]]) -> Iterator[PlanWarning]:
    for index, (operation, (before, after)) in enumerate(zip(pipeline.operations, sizes, strict=False)):
        if not isinstance(operation, Resize):
            continue
        pointer = f"/operations/{index}"
        drawn = _drawn_size(operation, before, after)
        if drawn[0] > before[0] or drawn[1] > before[1]:
            text = f"Enlarges from {_sides(before)} to {_sides(drawn)} pixels: it gains no detail."
            yield PlanWarning(WarningCode.ENLARGED, text, pointer)
        if operation.fit is Fit.EXACT and not _same_shape(before, after):
            text = f"Distorts: {_sides(before)} and {_sides(after)} pixels differ in shape."
            yield PlanWarning(WarningCode.SHAPE_CHANGED, text, pointer)


def _about_alpha(
    picture: PlannedPicture, pipeline: Pipeline, sizes: Sequence[tuple[Size, Size]]
) -> Iterator[PlanWarning]:
    alpha = picture.alpha if picture.image_format.alpha else False
    for operation, (before, _) in zip(pipeline.operations, sizes, strict=False):
        alpha = alpha_after(alpha, operation, before)
    if alpha is False:
        return
    for index, output in enumerate(pipeline.outputs):
        if not output.format.image_format.alpha:
            text = f"{output.format.image_format.name} has no transparency: it is laid on {output.background}."
            said = _unless_known(text, "the picture is transparent", alpha is True)
            yield PlanWarning(WarningCode.ALPHA_LOST, said, f"/outputs/{index}", alpha is True)


def _about_colors(pipeline: Pipeline) -> Iterator[PlanWarning]:
    for index, output in enumerate(pipeline.outputs):
        if output.format is OutputFormat.GIF:
            text = "A GIF has 256 colors; a picture with more is dithered."
            yield PlanWarning(WarningCode.COLORS_REDUCED, text, f"/outputs/{index}", certain=False)


def _drawn_size(operation: Resize, before: Size, after: Size) -> Size:
    """Return the size of the image itself, which ``contain`` lays into a larger box."""
    if operation.fit is not Fit.CONTAIN:
        return after
    return fit_size(before, (operation.width, operation.height), enlarge=operation.enlarge)


def _unless_known(text: str, condition: str, certain: bool) -> str:
    return text if certain else f"If {condition}: {text}"


def _sides(size: Size) -> str:
    return f"{size[0]} × {size[1]}"


def _same_shape(before: Size, after: Size) -> bool:
    """Tell whether proportions are kept, as far as whole pixels can."""
    scale = after[0] / before[0]
    return abs(before[1] * scale - after[1]) <= 1
