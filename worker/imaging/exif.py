"""EXIF orientation, artist and copyright.

Damaged EXIF gives a warning. Its orientation counts if it can be read; the artist and copyright are then ignored.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from shared.pipeline.exif_orientation import read_exif_orientation
from shared.pipeline.image_formats import HEIC, TIFF
from worker.imaging.copyright import Rights, read_rights

#: Formats whose orientation the decoder applies.
_UPRIGHT: Final = (TIFF.name, HEIC.name)
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
    block: bytes | None = contents or image.info.get("exif")
    if block is None and image.format != TIFF.name:
        return Exif()
    # Our TIFF decoder applies the orientation itself, and so does libheif. The size is already upright.
    orientation = read_exif_orientation(block) if block and image.format not in _UPRIGHT else 1
    try:
        exif = _parse(block) if block else image.getexif()
        rights = read_rights(exif)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - Pillow's parsers raise many types for invalid data; no other code runs here
        return Exif(orientation=orientation, warnings=(_DAMAGED,))
    return Exif(orientation=orientation, rights=rights)


def _parse(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif
