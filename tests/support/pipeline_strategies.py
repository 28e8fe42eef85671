"""Hypothesis strategies for all operations and outputs."""

from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.pipeline.operations import AnyOperation
from shared.pipeline.operations.parameters import ANCHORS
from shared.pipeline.pipeline import Operation, Output, OutputFormat

READ: TypeAdapter[AnyOperation] = TypeAdapter(Operation)

colors = st.from_regex(r"#[0-9a-f]{6}([0-9a-f]{2})?", fullmatch=True)
anchors = st.sampled_from(sorted(ANCHORS))
sides = st.integers(1, 60)
fractions = st.floats(0.01, 1)


def _operation(name: str, required: dict[str, Any] | None = None, **optional: Any) -> st.SearchStrategy[AnyOperation]:
    """Return a strategy for one operation with any of its options."""
    return st.fixed_dictionaries({"op": st.just(name), **(required or {})}, optional=optional).map(READ.validate_python)


_fits = st.sampled_from(["inside", "cover", "contain", "exact"])
operations = st.one_of(
    _operation(
        "resize",
        {"width": sides, "height": sides},
        fit=_fits,
        enlarge=st.booleans(),
        gravity=anchors,
        background=colors,
    ),
    _operation("resize", {"width": sides}),
    _operation("crop", {"width": sides, "height": sides}, gravity=st.one_of(anchors, st.just("entropy"))),
    _operation("crop", {"width": sides, "height": sides, "x": st.integers(0, 30), "y": st.integers(0, 30)}),
    _operation(
        "crop", {"unit": st.just("relative"), "width": fractions, "height": fractions, "x": fractions, "y": fractions}
    ),
    _operation("rotate", {"angle": st.floats(-360, 360)}, expand=st.booleans(), background=colors),
    _operation("rotate", {"angle": st.sampled_from([-270, -90, 0, 90, 180, 360])}),
    _operation("flip", direction=st.sampled_from(["horizontal", "vertical", "both"])),
    _operation("trim", tolerance=st.integers(0, 254)),
    _operation("pad", top=st.integers(0, 9), left=st.integers(0, 9), right=st.integers(0, 9), background=colors),
    _operation("grayscale"),
    _operation("adjust", brightness=st.floats(0, 4), contrast=st.floats(0, 4), saturation=st.floats(0, 4)),
    _operation("background", color=colors),
    _operation("blur", radius=st.floats(0.01, 100)),
    _operation("sharpen", radius=st.floats(0.01, 20), amount=st.floats(0.01, 5), threshold=st.integers(0, 255)),
    _operation("round_corners", {"radius": st.floats(0.1, 100)}),
    _operation("round_corners", {"unit": st.just("relative"), "radius": st.floats(0.01, 0.5)}),
    _operation(
        "watermark",
        {"text": st.text("aÄж中\u05d0 -", min_size=1, max_size=12).filter(str.strip)},
        gravity=anchors,
        margin=st.floats(0, 0.5),
        scale=fractions,
        opacity=st.floats(0, 1),
        angle=st.floats(-360, 360),
        tile=st.booleans(),
        color=colors,
    ),
    _operation("watermark", {"image": st.just("logo")}, scale=fractions, tile=st.booleans(), angle=st.floats(0, 90)),
)
outputs = st.builds(
    Output,
    format=st.sampled_from(list(OutputFormat)),
    background=st.from_regex(r"#[0-9a-f]{6}", fullmatch=True),
)
