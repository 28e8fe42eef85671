"""The bundled font, and what it can draw.

DejaVu Sans covers Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao and many signs.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from PIL import ImageFont, features

_FILES: Final = {"dejavu-sans": Path(__file__).with_name("DejaVuSans.ttf")}
#: Unicode never assigns it, so every font draws its sign for what it lacks.
_NO_CHARACTER: Final = "\uffff"
_PROBE_PIXELS: Final = 24


def load_font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """Return a bundled font at a size, in pixels a line. Letters are joined and ordered where the library can."""
    engine = ImageFont.Layout.RAQM if _can_shape() else ImageFont.Layout.BASIC
    return ImageFont.truetype(_FILES[name], pixels, layout_engine=engine)


def find_text_warnings(text: str, name: str) -> list[str]:
    """Say what of a text would not look as it should: characters that the font lacks, scripts it can't join."""
    warnings = []
    missing = find_missing_characters(text, name)
    if missing:
        listed = ", ".join(f"U+{ord(character):04X}" for character in missing)
        warnings.append(f"The font {name} lacks these characters of the watermark: {listed}.")
    if not _can_shape() and any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        warnings.append("The watermark was written from left to right: this system can't lay out its script.")
    return warnings


def find_missing_characters(text: str, name: str) -> list[str]:
    """List the characters of a text that a font lacks, each once."""
    return [character for character in dict.fromkeys(text) if _is_missing(character, name)]


@cache
def _is_missing(character: str, name: str) -> bool:
    return not character.isspace() and _draw_probe(character, name) == _draw_probe(_NO_CHARACTER, name)


@cache
def _draw_probe(character: str, name: str) -> bytes:
    font = ImageFont.truetype(_FILES[name], _PROBE_PIXELS, layout_engine=ImageFont.Layout.BASIC)
    return bytes(font.getmask(character, mode="L"))


@cache
def _can_shape() -> bool:
    """Tell whether Raqm can order and join letters: Pillow brings it, the system must have FriBiDi."""
    return bool(features.check("raqm") and features.check("fribidi"))
