"""The range of floating-point samples: 0 to 1, unless most of the values contradict that."""

from array import array
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Final

from PIL import Image

#: Samples from here on can't be highlights of an image with the range 0 to 1.
_CONTRADICTION: Final = 2.0
_BYTE_RANGE: Final = 255.5


@dataclass(frozen=True, slots=True)
class FloatRange:
    """The values that become 0 and 255."""

    lowest: float
    highest: float

    def apply(self, values: Image.Image) -> Image.Image:
        """Return the channel of 8 bits. Values outside of the range become 0 or 255, and NaN becomes 0."""
        factor = 255 / (self.highest - self.lowest)
        offset = 0.5 - self.lowest * factor
        return values.point(lambda value: value * factor + offset).convert("L")

    def apply_deep(self, values: Image.Image) -> Image.Image:
        """Return values of 0 to 65,535 in an image of mode I. Its ``point`` clips values outside of the range."""
        factor = 65_535 / (self.highest - self.lowest)
        offset = 0.5 - self.lowest * factor
        return values.point(lambda value: value * factor + offset).convert("I")


#: The range of images: 0.0 is black and 1.0 is white (Adobe Photoshop TIFF Technical Note 3).
UNIT: Final = FloatRange(0.0, 1.0)


@dataclass(slots=True)
class FloatStatistics:
    """Counts of values that fit and contradict the range 0 to 1."""

    #: Number of values by 256 steps from 0 to 2.
    _steps: list[int] = field(default_factory=lambda: [0] * 256)
    _lowest: float = inf
    _highest: float = -inf

    def add(self, values: Image.Image) -> None:
        """Count the values of an image of mode F."""
        histogram = FloatRange(0.0, _CONTRADICTION).apply(values).histogram()
        self._steps = [old + new for old, new in zip(self._steps, histogram, strict=True)]
        lowest, highest = values.getextrema()
        if not (isinstance(lowest, float) and isinstance(highest, float) and isfinite(lowest) and isfinite(highest)):
            finite = [value for value in array("f", values.tobytes()) if isfinite(value)] or [0.0]
            lowest, highest = min(finite), max(finite)
        self._lowest, self._highest = min(self._lowest, lowest), max(self._highest, highest)

    def choose_range(self) -> FloatRange:
        """Return the range 0 to 1, unless half of the positive values are 2 or more.

        Then the range is 0 to 255 if no value is higher, otherwise that of the values.
        """
        if self._steps[255] * 2 <= sum(self._steps[1:]):
            return UNIT
        if self._lowest >= 0 and self._highest <= _BYTE_RANGE:
            return FloatRange(0.0, 255.0)
        return FloatRange(self._lowest, max(self._highest, self._lowest + 1))

    def describe(self, used: FloatRange) -> str | None:
        """Return a warning if the range is not 0 to 1, or if values outside of it were cut."""
        if used == UNIT:
            has_highlights = sum(self._steps[129:]) > 0
            return "Floating-point values above 1 were cut to white." if has_highlights else None
        return (
            "The floating-point values are not between 0 and 1. The range from"
            f" {used.lowest:g} (black) to {used.highest:g} (white) was used."
        )
