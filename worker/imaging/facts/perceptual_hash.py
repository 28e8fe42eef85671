"""Perceptual hash: 64 bits that change little if an image is scaled, compressed or made brighter.

1. Convert the image to gray (BT.601) and scale it to 32 × 32 pixels.
2. Compute the 8 × 8 lowest frequencies of the discrete cosine transform (DCT-II).
3. A bit is 1 if its frequency exceeds the median of the 64. The bits are in rows, from the lowest frequency, and the
   first bit is the highest one of the number.

This is the algorithm of ``imagehash.phash`` in the Python package ImageHash.
"""

from typing import Final

from PIL import Image

from worker.imaging.facts.cosine_transform import transform

_SIDE: Final = 32
_FREQUENCIES: Final = 8


def compute_perceptual_hash(image: Image.Image) -> str:
    """Return the hash of an image of mode L or RGB: 16 hexadecimal digits."""
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    rows = transform(small.tobytes(), (_SIDE, _SIDE), (_FREQUENCIES, _FREQUENCIES))
    frequencies = [frequency for row in rows for frequency in row]
    middle = len(frequencies) // 2
    ordered = sorted(frequencies)
    median = (ordered[middle - 1] + ordered[middle]) / 2
    number = 0
    for frequency in frequencies:
        number = number << 1 | (frequency > median)
    return f"{number:016x}"
