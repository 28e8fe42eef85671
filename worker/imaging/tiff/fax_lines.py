"""Damaged lines of one-dimensional Group 3 fax (ITU-T T.4), about which Pillow says nothing.

libtiff fills a line that is too short with white. There is only one way to encode a line, so an intact file has the
same codes as the decoded image.
"""

import re
from collections.abc import Iterable
from io import BytesIO
from typing import Final

from PIL import Image, ImageChops

_END_OF_LINE: Final = re.compile("0{11,}1")
_STRIP_OFFSETS, _STRIP_SIZES = 273, 279


def has_damaged_lines(image: Image.Image, strips: Iterable[bytes | memoryview], *, white_is_zero: bool) -> bool:
    """Return True if the strips have other lines than the image, which was decoded from them."""
    bits = ImageChops.invert(image.convert("1")) if white_is_zero else image.convert("1")
    target = BytesIO()
    bits.save(target, "TIFF", compression="group3", strip_size=2**30)
    directory = Image.open(target).tag_v2  # type: ignore[attr-defined] # of TIFF files
    (start,), (size,) = directory[_STRIP_OFFSETS], directory[_STRIP_SIZES]
    expected = _list_lines(target.getvalue()[start : start + size])
    stored = [line for strip in strips for line in _list_lines(strip)]
    if len(stored) * 2 < len(expected):
        return False  # The file has no marks between its lines.
    if len(stored) < len(expected):
        return True
    # Other bytes can follow the last line.
    return stored[: len(expected) - 1] != expected[:-1] or not stored[len(expected) - 1].startswith(expected[-1])


def _list_lines(strip: bytes | memoryview) -> list[str]:
    """Return the codes of each line as text of 0 and 1, without fill bits."""
    bits = bin(int.from_bytes(b"\1" + bytes(strip)))[3:]
    return [line.rstrip("0") for line in _END_OF_LINE.split(bits) if line.strip("0")]
