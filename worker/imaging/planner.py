"""The planner: rewrites a pipeline so that it costs less and gives the same image.

``make_plan`` starts with the unoptimized plan: decode everything, apply the orientation, run the operations in order.
Each rule may change the plan, or return it unchanged if it does not apply. The tests compare the result with the
unoptimized plan on photographs; the PSNR must be at least 45 dB. docs/benchmarks.md lists the savings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.pipeline.image_formats import JPEG
from shared.pipeline.pipeline import Fit, Grayscale, Operation, Resize
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

#: Minimum pixels per side that a cheap reduction leaves for each pixel of the result, as input of the Lanczos filter.
#: The worst PSNR of 37 photographs on the default job is 49 dB with 2, 47 dB with 1.5 and 39 dB with 1
#: (benchmarks/imaging_settings.py).
MIN_OVERSAMPLING: Final = 2.0
#: libjpeg can decode at 1/8, 1/4 and 1/2 of the size by leaving out high frequencies.
_SHRINKS: Final = (8, 4, 2)
_SUPPORTED_FITS: Final = (Fit.INSIDE, Fit.COVER, Fit.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How a file is decoded."""

    #: Decode only the luma of a JPEG.
    luma_only: bool = False
    #: Decode at 1/shrink of the size. Only for JPEG.
    shrink: int = 1
    #: Apply the EXIF orientation right after decoding.
    apply_orientation: bool = True


FULL_DECODE: Final = Decoding()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a pipeline runs on one image: decode, convert to gray, scale, apply the orientation, run the operations."""

    operations: tuple[Operation, ...]
    decoding: Decoding = FULL_DECODE
    convert_to_gray: bool = False
    scaling: Scaling | None = None
    #: EXIF orientation to apply after the scaling; 1 means none.
    orientation: int = 1


Planner = Callable[[StoredHeader, tuple[Operation, ...]], Plan]
Rule = Callable[[StoredHeader, Plan], Plan]


def make_unoptimized_plan(header: StoredHeader, operations: tuple[Operation, ...]) -> Plan:  # noqa: ARG001 - has the signature of a Planner
    """Return the unoptimized plan, which defines the expected result."""
    return Plan(operations=operations)


def make_plan(header: StoredHeader, operations: tuple[Operation, ...]) -> Plan:
    """Return the plan after all rules. Animations are not optimized."""
    plan = Plan(operations=operations)
    if header.is_still:
        for rule in RULES:
            plan = rule(header, plan)
    return plan


def convert_to_gray_first(header: StoredHeader, plan: Plan) -> Plan:
    """Convert to gray before resizing: one channel costs a third of three.

    Both are weighted sums, so their order changes only the rounding. The rule does not apply to a resize with
    transparency, because that weights edges by alpha and rounds again.
    """
    index = next((index for index, operation in enumerate(plan.operations) if isinstance(operation, Grayscale)), None)
    if index is None or not all(isinstance(operation, Resize) for operation in plan.operations[:index]):
        return plan
    if index and not header.is_opaque:
        return plan
    return replace(plan, convert_to_gray=True, operations=plan.operations[:index] + plan.operations[index + 1 :])


def decode_luma(header: StoredHeader, plan: Plan) -> Plan:
    """Decode only the luma of a JPEG that becomes gray. It is the same sum (BT.601 in JFIF and in Pillow).

    The rule does not apply to CMYK, nor with a color profile other than sRGB: the conversion needs the colors.
    """
    if not (plan.convert_to_gray and header.format == JPEG.name and header.mode == "RGB" and header.is_srgb):
        return plan
    return replace(plan, decoding=replace(plan.decoding, luma_only=True))


def scale_as_stored(header: StoredHeader, plan: Plan) -> Plan:
    """Run a leading resize before the orientation is applied.

    The rule does not apply if the resize enlarges: then applying the orientation first is cheaper.
    """
    first = plan.operations[0] if plan.operations else None
    if not isinstance(first, Resize) or first.fit not in _SUPPORTED_FITS:
        return plan
    size, box = compute_resize_box(header.size, first)
    scaling = Scaling(size=size, box=box)
    if min(scaling.shrink_factors) < 1:
        return plan
    return replace(
        plan,
        scaling=scaling.to_stored_orientation(header.stored_size, header.orientation),
        orientation=header.orientation,
        decoding=replace(plan.decoding, apply_orientation=False),
        operations=plan.operations[1:],
    )


def shrink_on_load(header: StoredHeader, plan: Plan) -> Plan:
    """Decode a JPEG at 1/2, 1/4 or 1/8 of its size if the scaling reduces it far enough.

    The rule does not apply with a color profile other than sRGB: converting averages differs from averaging
    converted colors.
    """
    if plan.scaling is None or header.format != JPEG.name or header.mode == "CMYK" or not header.is_srgb:
        return plan
    available = min(plan.scaling.shrink_factors) / MIN_OVERSAMPLING
    shrink = next((shrink for shrink in _SHRINKS if shrink <= available), 1)
    return replace(plan, decoding=replace(plan.decoding, shrink=shrink))


def reduce_first(header: StoredHeader, plan: Plan) -> Plan:  # noqa: ARG001 - has the signature of a Rule
    """Average whole pixels before the Lanczos filter if the image becomes much smaller."""
    if plan.scaling is None:
        return plan
    return replace(plan, scaling=replace(plan.scaling, reducing_gap=MIN_OVERSAMPLING))


#: In order: a rule may depend on the rules before it.
RULES: Final[tuple[Rule, ...]] = (convert_to_gray_first, decode_luma, scale_as_stored, shrink_on_load, reduce_first)
