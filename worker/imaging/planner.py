"""Rewrites of a pipeline that keep what it means and cost less.

``make_plan`` starts from the plain way (decode all, put upright, run the operations in their order) and lets
each rule change it. A rule knows when it must not, and then returns the plan as it was. The tests compare
each with the plain way on photographs: at least 45 dB PSNR. What each saves: docs/benchmarks.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.pipeline.image_formats import JPEG
from shared.pipeline.pipeline import Fit, Grayscale, Operation, Resize
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

#: Pixels a side that shrinking and reducing leave for each one of the result, for the good filter to work on. With 2,
#: the worst of 37 photographs kept 49 dB on the default job; with 1.5, 47 dB; with 1, 39 dB (benchmarks/imaging_settings.py).
MIN_OVERSAMPLING: Final = 2.0
#: What libjpeg can decode at: 1/8, 1/4, 1/2 of the size, by leaving out the fine part of each block.
_SHRINKS: Final = (8, 4, 2)
_SUPPORTED_FITS: Final = (Fit.INSIDE, Fit.COVER, Fit.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How a file becomes pixels."""

    #: Only the brightness of a JPEG.
    luma_only: bool = False
    #: Decode at 1/shrink of the size, which only a JPEG can.
    shrink: int = 1
    #: Whether the image is turned at once, as its EXIF orientation says.
    apply_orientation: bool = True


FULL_DECODE: Final = Decoding()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a pipeline is run on one image: decode, gray, scale, put upright, then the operations."""

    operations: tuple[Operation, ...]
    decoding: Decoding = FULL_DECODE
    convert_to_gray: bool = False
    scaling: Scaling | None = None
    #: EXIF orientation of the image that comes out of the scaling; 1 is upright already.
    orientation: int = 1


Planner = Callable[[StoredHeader, tuple[Operation, ...]], Plan]
Rule = Callable[[StoredHeader, Plan], Plan]


def make_unoptimized_plan(header: StoredHeader, operations: tuple[Operation, ...]) -> Plan:  # noqa: ARG001 - has the shape of a Planner
    """Plan nothing: the way that defines what a pipeline means."""
    return Plan(operations=operations)


def make_plan(header: StoredHeader, operations: tuple[Operation, ...]) -> Plan:
    """Return the cheapest way that the rules find."""
    planned = Plan(operations=operations)
    if header.is_still:
        for rule in RULES:
            planned = rule(header, planned)
    return planned


def convert_to_gray_first(header: StoredHeader, planned: Plan) -> Plan:
    """Turn the image gray before it is resized: one channel costs a third.

    Both are weighted sums, so their order changes only the rounding. Not where there is transparency: its
    edges are weighted by alpha, and rounded again.
    """
    at = next((at for at, operation in enumerate(planned.operations) if isinstance(operation, Grayscale)), None)
    if at is None or not all(isinstance(operation, Resize) for operation in planned.operations[:at]):
        return planned
    if at and not header.is_opaque:
        return planned
    return replace(planned, convert_to_gray=True, operations=planned.operations[:at] + planned.operations[at + 1 :])


def decode_luma(header: StoredHeader, planned: Plan) -> Plan:
    """Of a JPEG that is to be gray decode only the luma, which is the same sum (JFIF and Pillow: BT.601).

    Not with a color profile, which needs the colors, nor of CMYK.
    """
    if not (planned.convert_to_gray and header.format == JPEG.name and header.mode == "RGB" and header.is_srgb):
        return planned
    return replace(planned, decoding=replace(planned.decoding, luma_only=True))


def scale_as_stored(header: StoredHeader, planned: Plan) -> Plan:
    """Take a first resize out of the operations and scale before the image is put upright.

    Not what enlarges: then turning first is the cheaper way.
    """
    first = planned.operations[0] if planned.operations else None
    if not isinstance(first, Resize) or first.fit not in _SUPPORTED_FITS:
        return planned
    size, box = compute_resize_box(header.size, first)
    scaling = Scaling(size=size, box=box)
    if min(scaling.shrink_factors) < 1:
        return planned
    return replace(
        planned,
        scaling=scaling.to_stored_orientation(header.stored_size, header.orientation),
        orientation=header.orientation,
        decoding=replace(planned.decoding, apply_orientation=False),
        operations=planned.operations[1:],
    )


def shrink_on_load(header: StoredHeader, planned: Plan) -> Plan:
    """Decode a JPEG at a half, quarter or eighth where the scaling leaves no more than that.

    Not with a color profile: the conversion of averages is not the average of conversions.
    """
    if planned.scaling is None or header.format != JPEG.name or header.mode == "CMYK" or not header.is_srgb:
        return planned
    room = min(planned.scaling.shrink_factors) / MIN_OVERSAMPLING
    shrink = next((shrink for shrink in _SHRINKS if shrink <= room), 1)
    return replace(planned, decoding=replace(planned.decoding, shrink=shrink))


def reduce_first(header: StoredHeader, planned: Plan) -> Plan:  # noqa: ARG001 - has the shape of a Rule
    """Average whole pixels before the good filter where the image becomes much smaller."""
    if planned.scaling is None:
        return planned
    return replace(planned, scaling=replace(planned.scaling, reducing_gap=MIN_OVERSAMPLING))


#: In this order: each may build on those before it.
RULES: Final[tuple[Rule, ...]] = (convert_to_gray_first, decode_luma, scale_as_stored, shrink_on_load, reduce_first)
