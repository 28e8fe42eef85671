"""The bundled font and checks of the characters it supports.

DejaVu Sans covers Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao and many symbols.
"""

import sys
import unicodedata
from functools import cache
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from PIL import ImageFont, features


def _map_file(path: Path) -> mmap:
    """Map a file into memory. Before Python 3.13, its descriptor stays open."""
    with path.open("rb") as file:
        if sys.version_info >= (3, 13):
            return mmap(file.fileno(), 0, access=ACCESS_READ, trackfd=False)
        return mmap(file.fileno(), 0, access=ACCESS_READ)


#: The font files, opened at import: a process in the sandbox can't open files. Mapped, because most images need none.
_FILES: Final = {"dejavu-sans": _map_file(Path(__file__).with_name("DejaVuSans.ttf"))}
#: Unicode never assigns this code point, so every font draws its missing-glyph symbol for it.
_NO_CHARACTER: Final = "\uffff"
_PROBE_PIXELS: Final = 24


def load_font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """Return a bundled font of the given size in pixels, with complex text layout (Raqm) if it is available."""
    engine = ImageFont.Layout.RAQM if _can_shape() else ImageFont.Layout.BASIC
    return ImageFont.truetype(BytesIO(_FILES[name]), pixels, layout_engine=engine)


def find_text_warnings(text: str, name: str) -> list[str]:
    """Return warnings about characters that the font lacks and scripts that the system can't lay out."""
    warnings = []
    missing = find_missing_characters(text, name)
    if missing:
        listed = ", ".join(f"U+{ord(character):04X}" for character in missing)
        warnings.append(f"The font {name} lacks these characters of the watermark: {listed}.")
    if not _can_shape() and any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        warnings.append("The watermark was written from left to right: this system can't lay out its script.")
    return warnings


def find_missing_characters(text: str, name: str) -> list[str]:
    """Return the characters of a text that the font lacks, without duplicates."""
    return [character for character in dict.fromkeys(text) if _is_missing(character, name)]


def prepare_text(text: str) -> str:
    """Return the text to draw: without format characters if nothing lays them out, because the font may draw them."""
    if _can_shape():
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


@cache
def _is_missing(character: str, name: str) -> bool:
    if character.isspace() or unicodedata.category(character) == "Cf":
        return False
    return _draw_probe(character, name) == _draw_probe(_NO_CHARACTER, name)


@cache
def _draw_probe(character: str, name: str) -> bytes:
    font = ImageFont.truetype(BytesIO(_FILES[name]), _PROBE_PIXELS, layout_engine=ImageFont.Layout.BASIC)
    return bytes(font.getmask(character, mode="L"))


@cache
def _can_shape() -> bool:
    """Return True if Raqm works. Pillow bundles it, but the system must have FriBiDi."""
    return bool(features.check("raqm") and features.check("fribidi"))
