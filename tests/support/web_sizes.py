"""Cases for the tests of web/app/edit/sizes.js: sizes and crop boxes that the code of the worker computes."""

import random
from typing import Any, Final

from pydantic import TypeAdapter

from shared.errors import OutsideImage
from shared.pipeline.operations import Crop, Operation
from shared.pipeline.sizes import compute_crop_box, compute_size_after

CASES: Final = 600
_OPERATION: Final[TypeAdapter[Any]] = TypeAdapter(Operation)
_GRAVITIES: Final = ("center", "top", "bottom-left", "right", "top-right")


def list_cases() -> list[dict[str, Any]]:
    """Return operations with the sizes before and after them, the same ones in every run."""
    source = random.Random(21)
    return [_create_case(source) for _ in range(CASES)]


def _create_case(source: random.Random) -> dict[str, Any]:
    size = (source.randint(1, 900), source.randint(1, 900))
    document = source.choice((_draw_resize, _draw_crop, _draw_relative_crop, _draw_rotate, _draw_pad))(source)
    operation = _OPERATION.validate_python(document)
    box = None
    try:
        after = compute_size_after(size, operation)
        if isinstance(operation, Crop):
            box = dict(zip(("left", "top", "right", "bottom"), compute_crop_box(size, operation), strict=True))
    except OutsideImage:
        after = size
    return {"size": _name(size), "operation": document, "after": _name(after), "box": box}


def _name(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


def _draw_resize(source: random.Random) -> dict[str, Any]:
    fit = source.choice(("inside", "cover", "contain", "exact"))
    sides: dict[str, Any] = {"width": source.randint(1, 900), "height": source.randint(1, 900)}
    if fit == "inside" and source.random() < 0.5:
        sides[source.choice(("width", "height"))] = None
    return {"op": "resize", "fit": fit, "enlarge": source.random() < 0.5, **sides}


def _draw_crop(source: random.Random) -> dict[str, Any]:
    crop = {"op": "crop", "width": source.randint(1, 900), "height": source.randint(1, 900)}
    if source.random() < 0.5:
        return {**crop, "gravity": source.choice(_GRAVITIES)}
    return {**crop, "x": source.randint(0, 900), "y": source.randint(0, 900)}


def _draw_relative_crop(source: random.Random) -> dict[str, Any]:
    crop: dict[str, Any] = {"op": "crop", "unit": "relative"}
    crop |= {"width": round(source.uniform(0.001, 1), 3), "height": round(source.uniform(0.001, 1), 3)}
    if source.random() < 0.5:
        return {**crop, "gravity": source.choice(_GRAVITIES)}
    return {**crop, "x": round(source.random(), 2), "y": round(source.random(), 2)}


def _draw_rotate(source: random.Random) -> dict[str, Any]:
    angle = source.choice((90, -90, 180, 270, round(source.uniform(-360, 360), 1)))
    return {"op": "rotate", "angle": angle, "expand": source.random() < 0.8}


def _draw_pad(source: random.Random) -> dict[str, Any]:
    return {"op": "pad", **{side: source.randint(0, 50) for side in ("top", "right", "bottom", "left")}}
