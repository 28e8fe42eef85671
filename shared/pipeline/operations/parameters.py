"""Parameter types that several operations share: sides, colors, units and gravity."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from shared.pipeline.strict import Integer

#: Longest side of a result, pixels.
MAX_SIDE: Final = 10_000

Side = Annotated[Integer, Field(ge=1, le=MAX_SIDE, description="Pixels.")]

Color = Annotated[
    str,
    Field(
        pattern=r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$",
        description="`#rrggbb`, or `#rrggbbaa` with opacity.",
    ),
]
#: Default fill of new areas. Formats without transparency show the output's background there.
TRANSPARENT: Final = "#00000000"

#: Pixels, or fractions (0 to 1) of the image before the operation.
Unit = Literal["pixel", "relative"]

#: Nine positions in an image.
Gravity = Literal[
    "center",
    "top",
    "bottom",
    "left",
    "right",
    "top-left",
    "top-right",
    "bottom-left",
    "bottom-right",
]

#: For each position of an object: the fractions of the free space that are to its left and above it.
ANCHORS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "center": (0.5, 0.5),
        "top": (0.5, 0.0),
        "bottom": (0.5, 1.0),
        "left": (0.0, 0.5),
        "right": (1.0, 0.5),
        "top-left": (0.0, 0.0),
        "top-right": (1.0, 0.0),
        "bottom-left": (0.0, 1.0),
        "bottom-right": (1.0, 1.0),
    },
)
