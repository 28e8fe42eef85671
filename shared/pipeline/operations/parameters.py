"""The words that the parameters of several operations share: sides, colours, units, places."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from shared.pipeline.strict import Integer

MAX_SIDE: Final = 10_000
"""Longest side of a result, pixels."""

Side = Annotated[Integer, Field(ge=1, le=MAX_SIDE, description="Pixels.")]

Color = Annotated[
    str,
    Field(
        pattern=r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$",
        description="`#rrggbb`, or `#rrggbbaa` with its opacity at the end.",
    ),
]
TRANSPARENT: Final = "#00000000"
"""What new area is filled with unless a colour is stated; a format without transparency shows its background there."""

Unit = Literal["pixel", "relative"]
"""Pixels, or shares (0 to 1) of the picture that the operation meets."""

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
"""Nine places in a picture."""

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
"""How much of the free room, as a share, lies left of and above what stands at each place."""
