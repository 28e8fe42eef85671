"""Variants: several sizes of one image, from one decode.

``arrange`` groups the outputs by the image that they show, and decides from what each image is scaled: from the decoded
image or from a larger variant that is at least ``MIN_OVERSAMPLING`` times as long on each side. ``iterate_variants``
makes the images one after the other. It never holds more than the decoded image and a chain of variants of which each
has at most a quarter of the pixels of the one before, so the memory does not depend on the number of variants.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from PIL import Image

from shared.pipeline.operations import Grayscale, Operation
from shared.pipeline.output import Output
from shared.pipeline.sizes import Size
from worker.imaging.pipeline import start_plan
from worker.imaging.planner import MIN_OVERSAMPLING, Decoding, Plan, Planner, can_skip_refinements
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

#: Operations of an image, and the outputs that show it.
Group = tuple[tuple[Operation, ...], tuple[Output, ...]]
#: Runs the rest of a plan on an image that was scaled.
FinishPlan = Callable[[Image.Image, Plan], Image.Image]
_OPAQUE_MODES: Final = ("L", "RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Outputs that show the same image, and the plan of this image."""

    plan: Plan
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class ScaledImage:
    """An image that is scaled once, the variants that start with it, and smaller images that are made from it."""

    #: How the image is made from the decoded image, or from the larger image.
    plan: Plan
    variants: list[Variant] = field(default_factory=list)
    smaller: "list[ScaledImage]" = field(default_factory=list)


def group_outputs(outputs: Sequence[Output]) -> tuple[Group, ...]:
    """Return the outputs grouped by their own operations, in the order of the first output of each group."""
    groups: dict[tuple[Operation, ...], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.operations, []).append(output)
    return tuple((operations, tuple(members)) for operations, members in groups.items())


def can_share_decoding(operations: Sequence[Operation]) -> bool:
    """Return True if the planner can take shared operations into the decoding of each variant.

    Other shared operations run once, on the whole image.
    """
    return all(isinstance(operation, Grayscale) for operation in operations)


def describe_image(image: Image.Image) -> StoredHeader:
    """Return a header for an image in memory, so that the planner can plan operations on it."""
    return StoredHeader(
        format="",
        mode=image.mode,
        stored_size=image.size,
        orientation=1,
        is_opaque=image.mode in _OPAQUE_MODES,
        is_srgb=True,
        is_still=True,
    )


def plan_variants(
    header: StoredHeader, shared: tuple[Operation, ...], groups: Sequence[Group], planner: Planner
) -> tuple[Variant, ...]:
    """Return a variant for each group. All plans have the same decoding, which is sufficient for the largest image."""
    plans = [planner(header, (*shared, *operations)) for operations, _ in groups]
    decoding = Decoding(
        luma_only=all(plan.decoding.luma_only for plan in plans),
        shrink=min(plan.decoding.shrink for plan in plans),
        skip_refinements=all(
            can_skip_refinements(header, plan, outputs) for plan, (_, outputs) in zip(plans, groups, strict=True)
        ),
        apply_orientation=all(plan.decoding.apply_orientation for plan in plans),
    )
    return tuple(
        Variant(plan=_decode_as(plan, decoding, header), outputs=outputs)
        for plan, (_, outputs) in zip(plans, groups, strict=True)
    )


def _decode_as(plan: Plan, decoding: Decoding, header: StoredHeader) -> Plan:
    """Return the plan with another decoding. If this does not apply the orientation, the plan does it."""
    is_late = plan.decoding.apply_orientation and not decoding.apply_orientation
    return replace(plan, decoding=decoding, orientation=header.orientation if is_late else plan.orientation)


def arrange(variants: Sequence[Variant], stored: Size) -> list[ScaledImage]:
    """Return the images that are made from the decoded image, largest first. ``stored`` is its full size, pixels."""
    images: dict[tuple[bool, Scaling | None], ScaledImage] = {}
    for variant in variants:
        plan = variant.plan
        images.setdefault((plan.convert_to_gray, plan.scaling), ScaledImage(plan)).variants.append(variant)
    ordered = sorted(images.values(), key=lambda image: _count_pixels(image.plan, stored), reverse=True)
    roots: list[ScaledImage] = []
    placed: list[ScaledImage] = []
    for image in ordered:
        larger = next((each for each in reversed(placed) if _can_make(each.plan, image.plan, stored)), None)
        if larger is None:
            roots.append(image)
        else:
            larger.smaller.append(image)
        placed.append(image)
    return roots


def iterate_variants(
    decoded: Image.Image, images: Sequence[ScaledImage], stored: Size, finish: FinishPlan
) -> Iterator[tuple[Variant, Callable[[], Image.Image]]]:
    """Yield each variant with a function that makes its image. Call it before the next step."""
    for image in images:
        yield from _walk(start_plan(decoded, image.plan), image, stored, finish)


def _walk(
    pixels: Image.Image, image: ScaledImage, stored: Size, finish: FinishPlan
) -> Iterator[tuple[Variant, Callable[[], Image.Image]]]:
    for variant in image.variants:
        yield variant, partial(finish, pixels, variant.plan)
    for smaller in image.smaller:
        plan = replace(smaller.plan, scaling=_rebase(smaller.plan, stored, pixels.size))
        yield from _walk(start_plan(pixels, replace(plan, decoding=Decoding())), smaller, stored, finish)


def _rebase(plan: Plan, full: Size, actual: Size) -> Scaling:
    """Return the scaling of a plan for an image that shows all of the full image in another size."""
    assert plan.scaling  # noqa: S101 - only scaled images are made from others
    across, down = actual[0] / full[0], actual[1] / full[1]
    left, upper, right, lower = plan.scaling.box
    # A rounding error could put an edge outside the image.
    box = (left * across, upper * down, min(actual[0], right * across), min(actual[1], lower * down))
    return replace(plan.scaling, box=box)


def _can_make(larger: Plan, smaller: Plan, stored: Size) -> bool:
    """Return True if an image can be made from a larger one within the quality floor."""
    if larger.scaling is None or smaller.scaling is None or larger.scaling.box != (0, 0, *stored):
        return False
    if larger.convert_to_gray and not smaller.convert_to_gray:
        return False
    return min(_rebase(smaller, stored, larger.scaling.size).shrink_factors) >= MIN_OVERSAMPLING


def _count_pixels(plan: Plan, stored: Size) -> int:
    width, height = plan.scaling.size if plan.scaling else stored
    return width * height
