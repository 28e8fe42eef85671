"""The planner, which rewrites a pipeline so that it takes less time and gives almost the same image.

``make_plan`` starts with the unoptimized plan: decode everything, apply the orientation, run the operations in order.
Then each rule returns a changed plan, or the same plan if the rule does not apply. Tests run both plans on photographs
and require a PSNR of at least 45 dB between the images. docs/benchmarks.md lists the savings.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.pipeline.image_formats import JPEG
from shared.pipeline.operations import Watermark
from shared.pipeline.pipeline import Fit, Grayscale, Operation, Output, Resize
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

#: A faster, less exact reduction may precede the Lanczos filter. After it, each side must still be at least this many
#: times as long as in the output. The lowest PSNR of 37 photographs with the default job is 49 dB with a value of 2,
#: 47 dB with 1.5 and 39 dB with 1 (benchmarks/imaging_settings.py).
MIN_OVERSAMPLING: Final = 2.0
#: The scans that refine details can be skipped if each side shrinks at least by this factor and the output is lossy.
#: The error is then at least 6 dB lower than that of the encoder with its default quality
#: (benchmarks/imaging_settings.py).
MIN_UNREFINED_SHRINK: Final = 8.0
#: libjpeg can decode an image at 1/8, 1/4 and 1/2 of its size by omitting high frequencies. After that, each side must
#: still be at least this many times as long as in the output. At 1/8 and 1/4, more of the omitted frequencies are
#: visible: images full of sharp edges have 43 dB with a value of 2, and 45 dB with 2.5 (benchmarks/variants.py).
_SHRINKS: Final = {8: 2.5, 4: 2.5, 2: MIN_OVERSAMPLING}
_SUPPORTED_FITS: Final = (Fit.INSIDE, Fit.COVER, Fit.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How a file is decoded."""

    #: Decode only the luma of a JPEG.
    luma_only: bool = False
    #: Decode a JPEG at ``1/shrink`` of its size. For other formats, this is 1.
    shrink: int = 1
    #: Skip the scans of a progressive JPEG that only refine details (``containers.jpeg_scans``).
    skip_refinements: bool = False
    #: With ``luma_only``, also keep a small image in color, for facts.
    keep_colors: bool = False
    #: Apply the EXIF orientation directly after decoding.
    apply_orientation: bool = True


FULL_DECODE: Final = Decoding()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a pipeline runs on one image. The steps are: decode, convert to gray, scale, orient, run the operations."""

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
    """Return the plan after all rules. For an animation, return the unoptimized plan."""
    plan = Plan(operations=operations)
    if header.is_still:
        for rule in RULES:
            plan = rule(header, plan)
    return plan


def convert_to_gray_first(header: StoredHeader, plan: Plan) -> Plan:
    """Convert to gray before resizing, because resizing one channel takes a third of the time of three channels.

    Both operations are weighted sums, so their order changes only the rounding. The rule does not apply if a
    transparent image is resized, because Pillow then multiplies colors by alpha and rounds again.
    """
    index = next((index for index, operation in enumerate(plan.operations) if isinstance(operation, Grayscale)), None)
    if index is None or not all(isinstance(operation, Resize) for operation in plan.operations[:index]):
        return plan
    if index and not header.is_opaque:
        return plan
    return replace(plan, convert_to_gray=True, operations=plan.operations[:index] + plan.operations[index + 1 :])


def decode_luma(header: StoredHeader, plan: Plan) -> Plan:
    """Decode only the luma of a JPEG that becomes gray. JFIF and Pillow compute gray in the same way (BT.601).

    The rule does not apply to CMYK or to color profiles other than sRGB, because their conversion needs the colors.
    """
    if not (plan.convert_to_gray and header.format == JPEG.name and header.mode == "RGB" and header.is_srgb):
        return plan
    return replace(plan, decoding=replace(plan.decoding, luma_only=True))


def scale_as_stored(header: StoredHeader, plan: Plan) -> Plan:
    """If the first operation is a resize, run it before the orientation is applied.

    The rule does not apply if the resize enlarges the image. Applying the orientation first then takes less time.
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
    """Decode a JPEG at 1/2, 1/4 or 1/8 of its size if the scaling makes it small enough.

    The rule does not apply to color profiles other than sRGB, because colors would be averaged before they are
    converted, which gives other colors.
    """
    if plan.scaling is None or header.format != JPEG.name or header.mode == "CMYK" or not header.is_srgb:
        return plan
    factor = min(plan.scaling.shrink_factors)
    shrink = next((shrink for shrink, oversampling in _SHRINKS.items() if shrink * oversampling <= factor), 1)
    return replace(plan, decoding=replace(plan.decoding, shrink=shrink))


def can_skip_refinements(header: StoredHeader, plan: Plan, outputs: Iterable[Output]) -> bool:
    """Return True if the details that the last scans of a progressive JPEG add are not visible in any output.

    Only for lossy outputs with the default quality or a lower one. Operations that could amplify the error exclude it.
    """
    return (
        header.format == JPEG.name
        and header.is_srgb
        and plan.scaling is not None
        and min(plan.scaling.shrink_factors) >= MIN_UNREFINED_SHRINK
        and all(isinstance(operation, Grayscale | Watermark) for operation in plan.operations)
        and all(map(_has_usual_loss, outputs))
    )


def _has_usual_loss(output: Output) -> bool:
    usual = output.format.image_format.default_quality
    return usual is not None and (output.quality or usual) <= usual


def reduce_first(header: StoredHeader, plan: Plan) -> Plan:  # noqa: ARG001 - has the signature of a Rule
    """Average blocks of whole pixels before the Lanczos filter if the image becomes much smaller."""
    if plan.scaling is None:
        return plan
    return replace(plan, scaling=replace(plan.scaling, reducing_gap=MIN_OVERSAMPLING))


#: The rules in the order in which they run. A rule may depend on the rules before it.
RULES: Final[tuple[Rule, ...]] = (convert_to_gray_first, decode_luma, scale_as_stored, shrink_on_load, reduce_first)
