"""EXIF orientation, artist and copyright.

Damaged EXIF is ignored with a warning; the image is processed anyway.
"""

from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from shared.pipeline.image_formats import TIFF
from worker.imaging.copyright import Rights, read_rights

_ORIENTATION: Final = 0x0112
#: Tags that point to the Exif, GPS and interoperability directories (EXIF 2.32, 4.6.3).
_DIRECTORIES: Final = (0x8769, 0x8825, 0xA005)
_DAMAGED: Final = "The EXIF data is damaged and was ignored."


@dataclass(frozen=True, slots=True, kw_only=True)
class Exif:
    """EXIF values of a file. A file without EXIF has the default values."""

    #: EXIF orientation: 1 is upright, 2 to 8 are rotated or mirrored (EXIF 2.32, 4.6.4).
    orientation: int = 1
    #: Artist and copyright, if the file has them.
    rights: Rights = ()
    warnings: tuple[str, ...] = ()


def read_exif(image: Image.Image, contents: bytes | None) -> Exif:
    """Read the EXIF of an opened file. If the EXIF is damaged, return a warning.

    ``contents`` is the EXIF block of the file if our own reader has found one. Only EXIF can rotate an image: Pillow
    would also apply the orientation of XMP and of text, which browsers ignore.
    """
    block = contents or image.info.get("exif")
    if block is None and image.format != TIFF.name:
        return Exif()
    try:
        exif = _parse(block) if block else image.getexif()
        orientation: Any = exif.get(_ORIENTATION)
        rights = read_rights(exif)
        if image.format == TIFF.name:
            # Otherwise, Pillow reads these directories when it loads the pixels, and fails if they are damaged.
            for tag in _DIRECTORIES:
                exif.pop(tag, None)
            # Pillow applies the orientation of a TIFF itself. The size that it reports is already upright.
            orientation = 1
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - Pillow's parsers raise many types for invalid data; no other code runs here
        return Exif(warnings=(_DAMAGED,))
    return Exif(orientation=int(orientation) if orientation in range(2, 9) else 1, rights=rights)


def _parse(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif
