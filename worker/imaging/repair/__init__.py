"""Pixels of files whose end is damaged. Only used if a file can't be decoded as it is.

The pixels count if all of them are there. Then the damage costs only a warning.
"""

from collections.abc import Callable
from typing import Final

from PIL import Image, ImageChops

from shared.pipeline.image_formats import JPEG, PNG
from worker.imaging.color.png_palette import complete_palette
from worker.imaging.color.png_transparency import scale_transparent_color
from worker.imaging.containers import read_contents
from worker.imaging.repair.jpeg_scans import find_end_of_scans
from worker.imaging.repair.png_pixels import rebuild_png

END_DAMAGED: Final = "The end of the image data is damaged or missing, but all pixels are there."
_END_OF_IMAGE: Final = b"\xff\xd9"
#: What follows the coded data of a JPEG. If all pixels are there, the result does not depend on it.
_TAILS: Final = (_END_OF_IMAGE, b"\x55" * 64 + _END_OF_IMAGE, b"\xaa" * 64 + _END_OF_IMAGE)

Prepare = Callable[[Image.Image], None]


def load_pixels(image: Image.Image, data: bytes, prepare: Prepare = lambda _: None) -> tuple[Image.Image, str | None]:
    """Load an opened image. If that fails, load all pixels of the damaged file, if they are there.

    Return the loaded image, and a warning if the file is damaged. ``data`` is the file, and ``prepare`` is called for
    each image before it is loaded. Raises what Pillow raises if pixels are missing.
    """
    prepare(image)
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:
        repaired = _try_repair(image, data, prepare)
        if repaired is None:
            raise
        return repaired, END_DAMAGED
    return image, None


def _try_repair(image: Image.Image, data: bytes, prepare: Prepare) -> Image.Image | None:
    """Return the loaded image, or None if the format has no repair or the repair fails."""
    try:
        if image.format == PNG.name:
            return _repair_png(data, prepare)
        return _repair_jpeg(data, prepare) if JPEG.matches(data) else None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the first error is raised instead
        return None


def _repair_png(data: bytes, prepare: Prepare) -> Image.Image | None:
    rebuilt = rebuild_png(data)
    return _load(rebuilt, PNG.name, prepare) if rebuilt else None


def _repair_jpeg(data: bytes, prepare: Prepare) -> Image.Image | None:
    """Decode with different bytes after the last scan. They have an effect only if the scan is not complete."""
    end = find_end_of_scans(data)
    if end is None:
        return None
    coded = data[:end].rstrip(b"\xff")  # fill bytes, or the first half of a marker
    first: Image.Image | None = None
    for tail in _TAILS:
        decoded = _load(coded + tail, JPEG.name, prepare)
        if first is not None and ImageChops.difference(first, decoded).getbbox():
            return None
        first = first or decoded
    return first


def _load(data: bytes, image_format: str, prepare: Prepare) -> Image.Image:
    image = Image.open(read_contents(data).open(), formats=(image_format,))
    scale_transparent_color(image)
    complete_palette(image)
    prepare(image)
    image.load()
    return image
