"""Measure what is lost because AVIF and HEIC files of 10 and 12 bits are decoded to 8 bits first.

``python benchmarks/decoded_depth.py`` converts every gray and every shade of red, green and blue to sRGB, for several
color spaces, once from the full depth and once from 8 bits. It prints the largest and the mean difference of a channel,
of 255.
"""

from itertools import product
from typing import Final

from PIL import Image, ImageChops, ImageStat

from worker.imaging.color.cicp import Cicp
from worker.imaging.color.deep import DeepPixels
from worker.imaging.color.description import ColorDescription
from worker.imaging.colors import normalize_colors

#: Color primaries and transfer functions (ITU-T H.273) of photographs and videos.
_SPACES: Final = {
    "Display P3": (12, 13),
    "BT.2020, sRGB curve": (9, 13),
    "BT.2020, PQ": (9, 16),
    "BT.2020, HLG": (9, 18),
    "linear BT.709": (1, 8),
}
#: Weights of the three channels of a ramp.
_RAMPS: Final = ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))


def main() -> None:
    """Print a row of a Markdown table for each color space and depth."""
    print("| Colors | Bits | Largest | Mean |\n| --- | ---: | ---: | ---: |")
    for (name, (primaries, transfer)), bits in product(_SPACES.items(), (10, 12)):
        color = ColorDescription(cicp=Cicp(primaries=primaries, transfer=transfer, matrix=0, full_range=True))
        largest, mean = measure(color, bits)
        print(f"| {name} | {bits} | {largest} | {mean:.2f} |")


def measure(color: ColorDescription, bits: int) -> tuple[int, float]:
    """Return the largest and the mean difference of a channel."""
    deep = draw_ramps(bits)
    exact, _ = normalize_colors(deep.high, color, deep.low)
    ours, _ = normalize_colors(draw_reduced(bits), color)
    difference = ImageChops.difference(exact.convert("RGB"), ours.convert("RGB"))
    statistics = ImageStat.Stat(difference)
    return int(max(high for _, high in statistics.extrema)), sum(statistics.mean) / 3


def draw_ramps(bits: int) -> DeepPixels:
    """Return one row of pixels per ramp, with all values, scaled to 16 bits."""
    highest = (1 << bits) - 1
    values = [round(value * 65_535 / highest) for value in range(highest + 1)]
    size = highest + 1, len(_RAMPS)
    parts = [bytes(value * weight >> shift & 255 for ramp in _RAMPS for value in values for weight in ramp)
             for shift in (8, 0)]  # fmt: skip
    return DeepPixels(*(Image.frombytes("RGB", size, part) for part in parts))


def draw_reduced(bits: int) -> Image.Image:
    """Return the same pixels with 8 bits."""
    highest = (1 << bits) - 1
    values = [round(value * 255 / highest) for value in range(highest + 1)]
    pixels = bytes(value * weight for ramp in _RAMPS for value in values for weight in ramp)
    return Image.frombytes("RGB", (highest + 1, len(_RAMPS)), pixels)


if __name__ == "__main__":
    main()
