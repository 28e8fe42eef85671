"""Artist and copyright, the only metadata that an output may keep."""

from contextlib import suppress
from typing import Any, Final

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from shared.pipeline.output import OutputFormat

#: EXIF tags Artist and Copyright (CIPA DC-008).
TAGS: Final = (0x013B, 0x8298)
MAX_CHARACTERS: Final = 1000

#: Pairs of an EXIF tag and its UTF-8 text.
Rights = tuple[tuple[int, bytes], ...]


def read_rights(exif: Image.Exif) -> Rights:
    """Return a file's artist and copyright without control characters, each with at most ``MAX_CHARACTERS``."""
    texts = ((tag, _clean(text)) for tag in TAGS if isinstance(text := exif.get(tag), str))
    return tuple((tag, text.encode()) for tag, text in texts if text)


def build_rights_options(rights: Rights, output_format: OutputFormat) -> dict[str, Any]:
    """Return the options with which Pillow writes the artist and copyright and no other EXIF."""
    if not rights:
        return {}
    if output_format is OutputFormat.TIFF:
        tags = ImageFileDirectory_v2()
        for tag, text in rights:
            tags[tag] = text
        return {"tiffinfo": tags}
    exif = Image.Exif()
    # Use bytes, because Pillow writes a str as ASCII and replaces other characters with question marks.
    exif.update(rights)
    return {"exif": exif.tobytes()}


def _clean(text: str) -> str:
    """Decode the text as UTF-8 if possible, and remove control characters.

    Pillow decodes EXIF as Latin-1, but most cameras write UTF-8.
    """
    with suppress(UnicodeError):  # The text is Latin-1, or Pillow has already decoded Unicode.
        text = text.encode("latin-1").decode()
    spaced = (" " if character.isspace() else character for character in text[:MAX_CHARACTERS])
    return "".join(character for character in spaced if character.isprintable()).strip()
