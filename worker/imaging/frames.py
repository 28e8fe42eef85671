"""Frames of an animation. They are counted without decoding, and decoded one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from shared.errors import CorruptImage
from shared.pipeline.image_formats import AVIF, GIF, PNG, TIFF, WEBP
from worker.imaging.color.description import ColorDescription
from worker.imaging.colors import normalize_colors
from worker.imaging.scaling import apply_orientation

_COUNT_IN_HEADER: Final = (PNG.name, WEBP.name, AVIF.name)


@dataclass(frozen=True, slots=True)
class Frames:
    """One image, or the frames of an animation."""

    images: tuple[Image.Image, ...]
    #: Duration of each frame in milliseconds; empty for a still image.
    durations: tuple[int, ...] = ()
    #: How many times the animation plays; 0 means forever.
    plays: int = 0


def count_frames(image: Image.Image, data: bytes, limit: int) -> int:
    """Return the number of frames of an opened file. For a TIFF, return 2 if it has several pages, otherwise 1.

    For a GIF, the count stops at ``limit``, because a full count would read the whole file.
    """
    if image.format in _COUNT_IN_HEADER:
        return int(getattr(image, "n_frames", 1))
    if image.format == GIF.name:
        return _count_gif(data, limit)
    if image.format == TIFF.name:
        # Pillow reads this attribute from the first directory. The second directory may be damaged.
        return 1 + bool(getattr(image, "is_animated", False))
    return 1


def read_frames(
    image: Image.Image, count: int, orientation: int, color: ColorDescription
) -> Iterator[tuple[Image.Image, int]]:
    """Yield each frame, rotated upright and converted to sRGB, with its duration in milliseconds."""
    size = image.size
    first = 1 if image.info.get("default_image") else 0
    for index in range(first, count):
        image.seek(index)
        image.load()
        frame = image.copy() if image.size == size else image.crop((0, 0, *size))
        plain, _ = normalize_colors(apply_orientation(frame, orientation), color)
        plain.info = {}
        yield plain, round(image.info.get("duration") or 0)


def count_plays(image: Image.Image) -> int:
    """Return how many times an animation plays; 0 means forever.

    A GIF stores the number of repeats in its NETSCAPE2.0 block. Other formats store the number of plays.
    """
    if image.format == GIF.name:
        repeats = image.info.get("loop")
        return 1 if repeats is None else 0 if repeats == 0 else int(repeats) + 1
    return int(image.info.get("loop", 0))


def _count_gif(data: bytes, limit: int) -> int:
    """Count the image blocks of a GIF (GIF89a specification, appendix B). Raises CorruptImage if it has no image."""
    offset = 13 + _compute_palette_bytes(data[10])
    frames = 0
    try:
        while frames < limit and data[offset] != 0x3B:
            if data[offset] == 0x21:
                offset = _skip_blocks(data, offset + 2)
            elif data[offset] == 0x2C:
                frames += 1
                offset = _skip_blocks(data, offset + 11 + _compute_palette_bytes(data[offset + 9]))
            else:
                offset += 1  # Pillow skips stray bytes, too.
    except IndexError:
        pass  # The file is truncated. Decoding its frames raises an error.
    if frames == 0:
        raise CorruptImage
    return frames


def _compute_palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: bytes, offset: int) -> int:
    """Return the offset after a chain of sub-blocks, each preceded by its length."""
    while length := data[offset]:
        offset += 1 + length
    return offset + 1
