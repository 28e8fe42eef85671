"""Detection of files that end too early."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.pipeline.image_formats import AVIF, BMP, GIF, HEIC, JPEG, PNG, WEBP, ImageFormat, detect_format
from shared.pipeline.media_boxes import is_cut_off

#: An end marker counts within this many bytes before the end of the file.
_TAIL_BYTES: Final = 1024
_CHECKS: Final[Mapping[ImageFormat, Callable[[bytes], bool]]] = {
    JPEG: lambda data: b"\xff\xd9" not in data[-_TAIL_BYTES:],
    PNG: lambda data: b"IEND" not in data[-_TAIL_BYTES:],
    GIF: lambda data: not data.rstrip(b"\0").endswith(b";"),
    WEBP: lambda data: int.from_bytes(data[4:8], "little") + 8 > len(data),
    BMP: lambda data: int.from_bytes(data[2:6], "little") > len(data),
    AVIF: is_cut_off,
    HEIC: is_cut_off,
}


def is_truncated(data: bytes) -> bool:
    """Return True if the file has no end marker, or is shorter than its header says.

    Call this only for data that can't be decoded. Some truncated files can be decoded, and a complete file can have
    extra bytes at its end.
    """
    image_format = detect_format(data)
    check = _CHECKS.get(image_format) if image_format else None
    return check(data) if check else False
