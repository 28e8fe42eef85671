"""The one piece of metadata that may stay: who made an image and who owns it."""

from contextlib import suppress
from typing import Any, Final

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from shared.pipeline.output import OutputFormat

#: EXIF Artist and Copyright (CIPA DC-008).
TAGS: Final = (0x013B, 0x8298)
MAX_CHARACTERS: Final = 1000

#: Tags and their texts in UTF-8.
Rights = tuple[tuple[int, bytes], ...]


def read_rights(exif: Image.Exif) -> Rights:
    """Return the Artist and Copyright of a file, without control characters, cut at ``MAX_CHARACTERS``."""
    found = ((tag, _clean(text)) for tag in TAGS if isinstance(text := exif.get(tag), str))
    return tuple((tag, text.encode()) for tag, text in found if text)


def build_rights_options(rights: Rights, output_format: OutputFormat) -> dict[str, Any]:
    """Return the options with which Pillow writes the rights and nothing else of EXIF."""
    if not rights:
        return {}
    if output_format is OutputFormat.TIFF:
        tags = ImageFileDirectory_v2()
        for tag, text in rights:
            tags[tag] = text
        return {"tiffinfo": tags}
    exif = Image.Exif()
    # Bytes, since Pillow writes a str in ASCII, with question marks for the rest.
    exif.update(rights)
    return {"exif": exif.tobytes()}


def _clean(text: str) -> str:
    """Read what Pillow read as Latin-1: UTF-8 if it is valid, as most cameras and programs write."""
    with suppress(UnicodeError):  # then it is Latin-1, or was Unicode from the beginning
        text = text.encode("latin-1").decode()
    spaced = (" " if character.isspace() else character for character in text[:MAX_CHARACTERS])
    return "".join(character for character in spaced if character.isprintable()).strip()
