"""Tests of the size after each operation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.errors import OutsideImage
from shared.pipeline.operations import Crop, Operation, Trim
from shared.pipeline.sizes import compute_crop_box, compute_size_after, is_size_exact, place_box

READ = TypeAdapter[Any](Operation)


@pytest.mark.parametrize(
    ("size", "operation", "expected"),
    [
        ((2000, 1000), {"op": "resize", "width": 1024, "height": 1024}, (1024, 512)),
        ((100, 50), {"op": "resize", "width": 1024, "height": 1024}, (100, 50)),
        ((100, 50), {"op": "resize", "width": 1024, "height": 1024, "enlarge": True}, (1024, 512)),
        ((1000, 1), {"op": "resize", "width": 10, "height": 10}, (10, 1)),
        ((2000, 1000), {"op": "resize", "width": 500}, (500, 250)),
        ((2000, 1000), {"op": "resize", "height": 500}, (1000, 500)),
        ((2000, 1000), {"op": "resize", "width": 256, "height": 256, "fit": "cover"}, (256, 256)),
        ((300, 200), {"op": "resize", "width": 256, "height": 256, "fit": "cover"}, (256, 200)),
        ((300, 200), {"op": "resize", "width": 256, "height": 256, "fit": "contain"}, (256, 256)),
        ((30, 20), {"op": "resize", "width": 256, "height": 256, "fit": "contain"}, (256, 256)),
        ((300, 200), {"op": "resize", "width": 100, "height": 200, "fit": "exact"}, (100, 200)),
        ((300, 200), {"op": "crop", "width": 100, "height": 500}, (100, 200)),
        ((300, 200), {"op": "crop", "width": 100, "height": 100, "x": 250, "y": 150}, (50, 50)),
        ((300, 200), {"op": "crop", "width": 0.5, "height": 0.25, "unit": "relative"}, (150, 50)),
        ((300, 200), {"op": "crop", "width": 1e-6, "height": 1e-6, "unit": "relative"}, (1, 1)),
        ((300, 200), {"op": "rotate", "angle": 90}, (200, 300)),
        ((300, 200), {"op": "rotate", "angle": -180}, (300, 200)),
        ((300, 200), {"op": "rotate", "angle": 45}, (354, 354)),
        ((300, 200), {"op": "rotate", "angle": 45, "expand": False}, (300, 200)),
        ((300, 200), {"op": "pad", "left": 1, "top": 2, "right": 3, "bottom": 4}, (304, 206)),
        ((300, 200), {"op": "trim"}, (300, 200)),
        ((300, 200), {"op": "blur"}, (300, 200)),
    ],
)
def test_size_after(size: tuple[int, int], operation: dict[str, Any], expected: tuple[int, int]) -> None:
    """The size after each operation is computed without an image."""
    assert compute_size_after(size, READ.validate_python(operation)) == expected


def test_crop_outside_the_image_is_refused() -> None:
    """A box completely outside raises OutsideImage without decoding."""
    with pytest.raises(OutsideImage):
        compute_size_after((100, 100), Crop(x=100, y=0, width=10, height=10))


def test_only_a_trim_makes_the_size_uncertain() -> None:
    """The size after a trim depends on the content."""
    assert is_size_exact([Crop(width=1, height=1)])
    assert not is_size_exact([Crop(width=1, height=1), Trim()])


@pytest.mark.parametrize(
    ("gravity", "corner"),
    [
        ("center", (20, 10)),
        ("top-left", (0, 0)),
        ("bottom-right", (40, 20)),
        ("right", (40, 10)),
        ("entropy", (20, 10)),
    ],
)
def test_box_is_aligned_by_gravity(gravity: str, corner: tuple[int, int]) -> None:
    """Nine positions, and the center for entropy."""
    assert place_box((100, 50), (60, 30), gravity)[:2] == corner


def test_relative_crop_at_the_far_edge_is_the_last_column_and_row() -> None:
    """0.995 of 64 pixels rounds to 64, which is outside."""
    crop = Crop(unit="relative", x=0.995, y=0.999, width=0.005, height=0.001)
    assert compute_crop_box((64, 48), crop) == (63, 47, 64, 48)


@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    width=st.floats(0, 1, exclude_min=True),
    height=st.floats(0, 1, exclude_min=True),
)
def test_relative_crop_is_never_empty_and_never_outside(
    size: tuple[int, int], x: float, y: float, width: float, height: float
) -> None:
    """The box has at least a pixel and is inside the image, or the crop is refused."""
    try:
        left, upper, right, lower = compute_crop_box(size, Crop(unit="relative", x=x, y=y, width=width, height=height))
    except OutsideImage:
        assert x == 1 or y == 1
        return
    assert 0 <= left < right <= size[0]
    assert 0 <= upper < lower <= size[1]
