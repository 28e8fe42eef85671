"""Main colors of an image.

Pixels with an opacity of at least 50 % are grouped by the upper four bits of red, green and blue. From the largest
group to the smallest, a group joins the first main color whose distance is at most ``_DISTANCE``, or becomes a main
color itself. A main color is the mean of its pixels. The colors with the most pixels are the palette.
"""

from collections import defaultdict
from typing import Final

from PIL import Image

from shared.pipeline.facts import PALETTE_COLORS

#: Longest side in pixels of the image whose colors are counted.
MAX_SIDE: Final = 32
#: Distance of two main colors, in values of a channel (Euclidean).
_DISTANCE: Final = 48
_MIN_ALPHA: Final = 128


def compute_palette(image: Image.Image) -> tuple[str, ...]:
    """Return up to ``PALETTE_COLORS`` colors as ``#rrggbb``, the most frequent first.

    The image has mode L, LA, RGB or RGBA and at most ``MAX_SIDE`` pixels per side. Without any visible pixel, there is
    no color.
    """
    colors = image.convert("RGBA").getcolors(MAX_SIDE * MAX_SIDE) or []
    groups: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for count, color in colors:
        assert isinstance(color, tuple)  # noqa: S101 - of an image with several channels
        red, green, blue, alpha = color
        if alpha >= _MIN_ALPHA:
            group = groups[red >> 4, green >> 4, blue >> 4]
            group[0] += count
            group[1] += count * red
            group[2] += count * green
            group[3] += count * blue
    mains: list[list[int]] = []
    # The mean of each main color, because computing it for each pair would take most of the time.
    means: list[tuple[float, float, float]] = []
    for group in sorted(groups.values(), reverse=True):
        mean = _compute_mean(group)
        near = _find_near(means, mean)
        if near is None:
            mains.append(group)
            means.append(mean)
        else:
            mains[near] = [total + each for total, each in zip(mains[near], group, strict=True)]
            means[near] = _compute_mean(mains[near])
    best = sorted(mains, reverse=True)[:PALETTE_COLORS]
    return tuple(
        f"#{round(red / count):02x}{round(green / count):02x}{round(blue / count):02x}"
        for count, red, green, blue in best
    )


def _compute_mean(group: list[int]) -> tuple[float, float, float]:
    count, red, green, blue = group
    return red / count, green / count, blue / count


def _find_near(means: list[tuple[float, float, float]], color: tuple[float, float, float]) -> int | None:
    """Return the index of the first main color that is near a color, or None."""
    red, green, blue = color
    for index, (other_red, other_green, other_blue) in enumerate(means):
        if (red - other_red) ** 2 + (green - other_green) ** 2 + (blue - other_blue) ** 2 <= _DISTANCE**2:
            return index
    return None
