"""Frames of an animation, and the formats whose frames Pillow reads: AVIF, and the pages of a TIFF."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from shared.pipeline.image_formats import AVIF, TIFF
from worker.imaging.color.description import ColorDescription
from worker.imaging.colors import normalize_colors
from worker.imaging.containers.animation import compute_played_duration
from worker.imaging.scaling import apply_orientation


@dataclass(frozen=True, slots=True)
class Frames:
    """One image, or the frames of an animation."""

    images: tuple[Image.Image, ...]
    #: Duration of each frame in milliseconds; empty for a still image.
    durations: tuple[float, ...] = ()
    #: How many times the animation plays; 0 means forever.
    plays: int = 0


def count_frames(image: Image.Image) -> int:
    """Return the number of frames of an opened file whose frames Pillow reads.

    For a TIFF, return 2 if it has several pages, otherwise 1.
    """
    if image.format == AVIF.name:
        return int(getattr(image, "n_frames", 1))
    if image.format == TIFF.name:
        # Pillow reads this attribute from the first directory. The second directory may be damaged.
        return 1 + bool(getattr(image, "is_animated", False))
    return 1


def read_frames(
    image: Image.Image, count: int, orientation: int, color: ColorDescription
) -> Iterator[tuple[Image.Image, float]]:
    """Yield each frame, rotated upright and converted to sRGB, with its duration in milliseconds."""
    for index in range(count):
        image.seek(index)
        image.load()
        plain, _ = normalize_colors(apply_orientation(image.copy(), orientation), color)
        plain.info = {}
        yield plain, compute_played_duration(image.info.get("duration") or 0)


def count_plays(image: Image.Image) -> int:
    """Return how many times an animation plays; 0 means forever. AVIF does not store this."""
    return int(image.info.get("loop", 0))
