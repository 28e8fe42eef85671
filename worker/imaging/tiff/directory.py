"""The tags of the first page of a TIFF (TIFF 6.0, section 2) or a BigTIFF (its specification by Adobe and others)."""

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import NotAnImage, TruncatedImage

#: Value of a tag: numbers, or the bytes of text and opaque data.
Value = tuple[int, ...] | tuple[float, ...] | bytes

#: Maximum number of tags to read. Real files have a few dozen.
_MAX_ENTRIES: Final = 4096
#: Maximum number of values of a tag. A tag with more is ignored.
_MAX_VALUES: Final = 2_000_000
#: ``struct`` codes of numbers by the type of a tag. A rational has two numbers.
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I",
                   16: "Q", 17: "q", 18: "Q"}  # fmt: skip
_BYTES: Final = (2, 7)


@dataclass(frozen=True, slots=True)
class Directory:
    """The tags of one page."""

    #: ``struct`` code of the byte order: ``<`` or ``>``.
    order: str
    tags: Mapping[int, Value]
    has_next: bool
    #: Whether the file ends within the values of a wanted tag.
    is_cut: bool = False

    def get_numbers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag, or an empty tuple if the tag is missing or has another type."""
        value = self.tags.get(tag, ())
        if isinstance(value, bytes):
            return ()
        return tuple(number for number in value if isinstance(number, int))

    def get_number(self, tag: int, default: int) -> int:
        """Return the first integer of a tag, or ``default``."""
        return next(iter(self.get_numbers(tag)), default)

    def get_bytes(self, tag: int) -> bytes | None:
        """Return the content of a tag that holds text or opaque data, or None."""
        value = self.tags.get(tag)
        if isinstance(value, bytes):
            return value
        return bytes(value) if value and all(isinstance(each, int) and 0 <= each < 256 for each in value) else None  # type: ignore[arg-type] # checked


def read_directory(data: bytes, wanted: Collection[int]) -> Directory:
    """Read the first page's tags, but only ``wanted`` ones. Tags whose values are outside of the file are left out.

    Raises NotAnImage if the header is invalid, and TruncatedImage if the file ends before the directory does.
    """
    order = "<" if data.startswith(b"II") else ">"
    is_big = data[2:4] in {b"+\0", b"\0+"}
    try:
        if is_big:
            size_of_offset, zero, first = struct.unpack_from(f"{order}HHQ", data, 4)
            if (size_of_offset, zero) != (8, 0):
                raise NotAnImage
            (count,) = struct.unpack_from(f"{order}Q", data, first)
            start, entry, inline = first + 8, struct.Struct(f"{order}HHQ8s"), 8
        else:
            (first,) = struct.unpack_from(f"{order}I", data, 4)
            (count,) = struct.unpack_from(f"{order}H", data, first)
            start, entry, inline = first + 2, struct.Struct(f"{order}HHI4s"), 4
        if first < 8 or not 0 < count <= _MAX_ENTRIES:
            raise NotAnImage
        tags: dict[int, Value] = {}
        is_cut = False
        for index in range(count):
            tag, kind, values, field = entry.unpack_from(data, start + index * entry.size)
            if tag not in wanted or tag in tags:
                continue
            value = _read_value(data, order, kind, values, field[:inline])
            if value is None:
                is_cut = True
            else:
                tags[tag] = value
        after = start + count * entry.size
    except (struct.error, OverflowError) as error:
        raise TruncatedImage from error
    return Directory(order, tags, has_next=any(data[after : after + inline]), is_cut=is_cut)


def _read_value(data: bytes, order: str, kind: int, count: int, field: bytes) -> Value | None:
    """Return the value of a tag, or None if it is invalid. A value that fits is in the entry itself."""
    code = _NUMBERS.get(kind)
    if (code is None and kind not in _BYTES) or count > _MAX_VALUES:
        return None
    size = struct.calcsize(f"{order}{code or 's'}") * count
    if size > len(field):
        (at,) = struct.unpack(f"{order}{'Q' if len(field) == 8 else 'I'}", field)
        content = data[at : at + size]
        if len(content) < size:
            return None
    else:
        content = field[:size]
    if code is None:
        return content
    numbers = struct.unpack(f"{order}{count * len(code)}{code[0]}", content)
    if len(code) == 2:
        return tuple(top / bottom if bottom else 0.0 for top, bottom in zip(numbers[::2], numbers[1::2], strict=True))
    return numbers
