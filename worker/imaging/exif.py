"""What a file's EXIF says that matters: how the image lies, who made it and who owns it.

Damaged EXIF is no damaged image: the job goes on without it, and says so.
"""

from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from shared.pipeline.image_formats import PNG, TIFF
from worker.imaging.copyright import Rights, read_rights

_ORIENTATION: Final = 0x0112
#: Tags that lead to further directories: of the camera, of the place, of interoperability (EXIF 2.32, 4.6.3).
_DIRECTORIES: Final = (0x8769, 0x8825, 0xA005)
_DAMAGED: Final = "The EXIF data is damaged and was ignored."


@dataclass(frozen=True, slots=True, kw_only=True)
class Exif:
    """The facts, or what holds without any."""

    #: How the image lies in the file: 1 is upright, 2 to 8 are not (EXIF 2.32, 4.6.4).
    orientation: int = 1
    #: Artist and copyright, if the file names them.
    rights: Rights = ()
    warnings: tuple[str, ...] = ()


def read_exif(image: Image.Image) -> Exif:
    """Read the facts of an opened file. Raises what its decoder raises, but nothing for damaged EXIF."""
    if image.format == PNG.name and "exif" not in image.info:
        # It may follow the pixels. They are needed anyway, and their damage is another matter.
        image.load()
    try:
        if "exif" in image.info:
            # Of a JPEG Pillow has passed over what is wrong here when it looked for the resolution.
            Image.Exif().load(image.info["exif"])
        exif = image.getexif()
        found: Any = exif.get(_ORIENTATION)
        rights = read_rights(exif)
        if image.format == TIFF.name:
            # Else Pillow reads them while it loads, and what is wrong there would fail the image.
            for tag in _DIRECTORIES:
                exif.pop(tag, None)
            # Pillow turns a TIFF while it loads, and tells its size as turned from the start.
            found = 1
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - Pillow's parsers raise almost anything for bad data, and only they run here
        return Exif(warnings=(_DAMAGED,))
    return Exif(orientation=int(found) if found in range(2, 9) else 1, rights=rights)
