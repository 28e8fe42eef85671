"""The discrete cosine transform (DCT-II) of small images, of which only the lowest frequencies are needed.

The transform is separable: first the rows, then the columns of their results.
"""

import sys
from collections.abc import Sequence
from functools import lru_cache
from math import cos, pi
from operator import mul

if sys.version_info >= (3, 12):
    from math import sumprod
else:

    def sumprod(p: Sequence[float], q: Sequence[float], /) -> float:
        """Return the sum of the products."""
        total: float = sum(map(mul, p, q))
        return total


@lru_cache(maxsize=64)
def make_waves(length: int, count: int) -> tuple[tuple[float, ...], ...]:
    """Return the first ``count`` cosine waves over ``length`` samples."""
    return tuple(
        tuple(cos(pi / length * frequency * (place + 0.5)) for place in range(length)) for frequency in range(count)
    )


def transform(samples: Sequence[float], size: tuple[int, int], counts: tuple[int, int]) -> list[list[float]]:
    """Return the lowest frequencies of an image, without a factor: a list of ``counts[1]`` rows of ``counts[0]``.

    ``samples`` are the rows of the image, one after the other.
    """
    width, height = size
    rows = [samples[start : start + width] for start in range(0, width * height, width)]
    waves = make_waves(width, counts[0])
    columns = [[sumprod(row, wave) for row in rows] for wave in waves]
    return [[sumprod(column, wave) for column in columns] for wave in make_waves(height, counts[1])]
