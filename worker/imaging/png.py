"""How a PNG is packed: quickly where nothing repeats, thoroughly where much does.

Photographs hold noise: looking for repeated strings in it takes most of the time and finds next to nothing,
so runs of one byte are enough. Text, tables and patterns repeat, and there the search halves the file or better.
Which it is, a sample tells by being packed both ways. Figures: docs/benchmarks.md, by benchmarks/choices.py.
"""

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from PIL import Image

BANDS: Final = 3
BAND_ROWS: Final = 16
"""The sample: so many bands, evenly over the height, of so many rows."""
WORTH: Final = 1.05
"""How much larger the sample must be without the search. Of 37 photographs in grey none came above 1.01."""

# zlib's strategies: 0 is the full search, 3 is Z_RLE. Levels say nothing to the latter.
RUNS: Final[Mapping[str, Any]] = MappingProxyType({"compress_level": 6, "compress_type": 3})
REPEATS: Final[Mapping[str, Any]] = MappingProxyType({"compress_level": 6, "compress_type": 0})
_PROBE: Final[Mapping[str, Any]] = MappingProxyType({"compress_level": 1, "compress_type": 0})


def packing(image: Image.Image) -> Mapping[str, Any]:
    """Return Pillow's options for saving this picture as PNG."""
    sample = _sample(image)
    return REPEATS if _size(sample, RUNS) > WORTH * _size(sample, _PROBE) else RUNS


def _sample(image: Image.Image) -> Image.Image:
    if image.height <= BANDS * BAND_ROWS:
        return image
    sample = Image.new(image.mode, (image.width, BANDS * BAND_ROWS))
    for band in range(BANDS):
        upper = (2 * band + 1) * image.height // (2 * BANDS) - BAND_ROWS // 2
        sample.paste(image.crop((0, upper, image.width, upper + BAND_ROWS)), (0, band * BAND_ROWS))
    return sample


def _size(image: Image.Image, options: Mapping[str, Any]) -> int:
    file = BytesIO()
    image.save(file, format="PNG", **options)
    return len(file.getvalue())
