"""The one piece of metadata that may stay: who made a picture and who owns it."""

from typing import Final

from PIL import Image

TAGS: Final = (0x013B, 0x8298)
"""EXIF Artist and Copyright (CIPA DC-008)."""
MAX_CHARACTERS: Final = 1000


def read_rights(image: Image.Image) -> bytes:
    """Return an EXIF block with the Artist and Copyright of an opened file and nothing else, or no bytes.

    The text goes through byte by byte, but neither control characters nor more than ``MAX_CHARACTERS``.
    """
    exif = image.getexif()
    kept = Image.Exif()
    for tag in TAGS:
        text = exif.get(tag)
        if not isinstance(text, str):
            continue
        clean = "".join(
            character for character in text[:MAX_CHARACTERS] if character.isprintable() or character > "\x9f"
        )
        if clean.strip():
            # Pillow reads the bytes of a text tag as Latin-1; most are UTF-8, and must leave as they came.
            kept[tag] = clean.encode("latin-1", "replace")
    return kept.tobytes() if len(kept) else b""
