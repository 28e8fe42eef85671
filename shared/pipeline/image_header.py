"""Image headers, read from the first bytes of a file without decoding it.

TIFF and AVIF files are not supported, because their size can be anywhere in the file. A header may be wrong. It is used
for plans, asset records and error messages. The worker checks the image itself.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from shared.pipeline import image_formats
from shared.pipeline.image_formats import ImageFormat, detect_format

#: Maximum number of JPEG segments or PNG chunks to read. Real files have a few dozen before the image data.
MAX_SEGMENTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """The facts in an image's header. Width and height are those of the upright image."""

    image_format: ImageFormat
    width: int
    height: int
    #: Whether it can have transparent pixels; None if the header does not say.
    alpha: bool | None = None
    #: Whether it has more than one frame; None if the header does not say.
    animated: bool | None = None


def read_image_header(data: bytes) -> ImageHeader | None:
    """Return the header at the start of a file.

    Return None if the header is invalid or longer than ``data``, or if the format is not in ``READABLE``.
    """
    image_format = detect_format(data)
    read = _READERS.get(image_format) if image_format else None
    if read is None:
        return None
    try:
        header = read(data)
    except (struct.error, IndexError):  # the data ends before the header does
        return None
    return header if header and header.width > 0 and header.height > 0 else None


def _jpeg(data: bytes) -> ImageHeader | None:
    """Read segments up to the frame header (ITU-T T.81, annex B). The EXIF segment comes before the frame header."""
    sideways = False
    for marker, start, length in _jpeg_segments(data):
        if marker == 0xE1 and data.startswith(b"Exif\0\0", start):
            sideways = _exif_orientation(data[start + 6 : start + length]) >= 5
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, start + 1)
            header = ImageHeader(
                image_format=image_formats.JPEG, width=width, height=height, alpha=False, animated=False
            )
            return replace(header, width=height, height=width) if sideways else header
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of the content of each segment before the image data."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if data[at] != 0xFF:
            return
        while data[at] == 0xFF:  # a marker can have any number of fill bytes before it
            at += 1
        marker = data[at]
        if marker in {0xD9, 0xDA}:
            return
        (length,) = struct.unpack_from(">H", data, at + 1)
        yield marker, at + 3, length - 2
        at += 1 + length


def _exif_orientation(tiff: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, or 1 if there is none (CIPA DC-008, tag 0x0112)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for entry in range(first + 2, first + 2 + 12 * min(count, MAX_SEGMENTS), 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == 0x0112:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _png(data: bytes) -> ImageHeader | None:
    """Read IHDR, and tRNS, acTL and eXIf before the image data (W3C PNG, third edition)."""
    width, height, _, color = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        return None
    alpha, animated, sideways = color in {4, 6}, False, False
    at = 8
    for _ in range(MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in {b"IDAT", b"IEND"}:
            break
        alpha = alpha or kind == b"tRNS"
        animated = animated or kind == b"acTL"
        if kind == b"eXIf":
            sideways = _exif_orientation(data[at + 8 : at + 8 + length]) >= 5
        at += 12 + length
    header = ImageHeader(image_format=image_formats.PNG, width=width, height=height, alpha=alpha, animated=animated)
    return replace(header, width=height, height=width) if sideways else header


def _webp(data: bytes) -> ImageHeader | None:
    """Read the first chunk (RFC 9649): VP8X has all facts; VP8L and VP8 are still images without EXIF."""
    kind = data[12:16]
    if kind == b"VP8X":
        flags = data[20]
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        if len(data) < 30 or flags & 0x08:  # EXIF is at the end of the file and may rotate the image
            return None
        return ImageHeader(
            image_format=image_formats.WEBP,
            width=width,
            height=height,
            alpha=bool(flags & 0x10),
            animated=bool(flags & 0x02),
        )
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        return ImageHeader(
            image_format=image_formats.WEBP, width=width, height=height, alpha=bool(bits >> 28 & 1), animated=False
        )
    if kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        return ImageHeader(image_format=image_formats.WEBP, width=width, height=height, alpha=False, animated=False)
    return None


def _gif(data: bytes) -> ImageHeader | None:
    """Read the logical screen size (GIF89a specification, section 18). Counting frames needs the whole file."""
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader(image_format=image_formats.GIF, width=width, height=height)


def _bmp(data: bytes) -> ImageHeader | None:
    """Read the header. A negative height means that rows are stored from top to bottom."""
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return ImageHeader(image_format=image_formats.BMP, width=width, height=abs(height), animated=False)


_READERS: Final[dict[ImageFormat, Callable[[bytes], ImageHeader | None]]] = {
    image_formats.JPEG: _jpeg,
    image_formats.PNG: _png,
    image_formats.WEBP: _webp,
    image_formats.GIF: _gif,
    image_formats.BMP: _bmp,
}
#: Formats whose header can be read.
READABLE: Final = tuple(_READERS)
