"""Image headers, read from the first bytes of a file without decoding it.

TIFF files are not supported, because their size can be anywhere in the file. A header may be wrong. It is used
for plans, asset records and error messages. The worker checks the image itself.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from shared.pipeline import image_formats
from shared.pipeline.exif_orientation import EXIF_PREFIX, read_exif_orientation
from shared.pipeline.heif_header import read_heif_header
from shared.pipeline.image_formats import ImageFormat, detect_format
from shared.pipeline.jpeg_segments import iterate_segments
from shared.pipeline.png_chunks import Chunk, iterate_chunks

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
    except (struct.error, IndexError, StopIteration):  # the data ends before the header does
        return None
    return header if header and header.width > 0 and header.height > 0 else None


def _jpeg(data: bytes) -> ImageHeader | None:
    """Read segments up to the frame header (ITU-T T.81, annex B). The EXIF segment comes before the frame header."""
    orientation = None
    for segment in islice(iterate_segments(data), MAX_SEGMENTS):
        if segment.marker == 0xE1 and segment.starts_with(data, EXIF_PREFIX):
            orientation = orientation or read_exif_orientation(data[segment.start : segment.end])
        elif 0xC0 <= segment.marker <= 0xCF and segment.marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, segment.start + 1)
            header = ImageHeader(
                image_format=image_formats.JPEG, width=width, height=height, alpha=False, animated=False
            )
            return _turn(header, orientation or 1)
    return None


def _png(data: bytes) -> ImageHeader | None:
    """Read IHDR, and tRNS, acTL and eXIf before the image data. Damaged chunks have no effect."""
    chunks = islice(iterate_chunks(data), MAX_SEGMENTS)
    first = next(chunks)
    if first.kind != b"IHDR":
        return None
    width, height, _, color = struct.unpack_from(">IIBB", data, first.start)
    found: dict[bytes, Chunk] = {}
    for chunk in chunks:
        if chunk.kind in {b"IDAT", b"IEND"}:
            break
        if chunk.kind in {b"tRNS", b"acTL", b"eXIf"} and chunk.is_intact(data):
            found.setdefault(chunk.kind, chunk)
    header = ImageHeader(
        image_format=image_formats.PNG,
        width=width,
        height=height,
        alpha=color in {4, 6} or b"tRNS" in found,
        animated=b"acTL" in found,
    )
    exif = found.get(b"eXIf")
    return _turn(header, read_exif_orientation(exif.read(data)) if exif else 1)


def _turn(header: ImageHeader, orientation: int) -> ImageHeader:
    """Return the header of the upright image."""
    return replace(header, width=header.height, height=header.width) if orientation >= 5 else header


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
    """Read the logical screen size (GIF89a specification, section 18). Counting frames needs the whole file.

    Like in browsers, the canvas is enlarged to contain the first frame.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    try:
        right, lower = _find_end_of_first_gif_frame(data)
    except (struct.error, IndexError):
        right, lower = 0, 0  # The data ends before the frame.
    return ImageHeader(image_format=image_formats.GIF, width=max(width, right), height=max(height, lower))


def _find_end_of_first_gif_frame(data: bytes) -> tuple[int, int]:
    """Return the right and lower edge of the first frame, or zeros if it is not near the start."""
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    for _ in range(MAX_SEGMENTS):
        if data[at] == 0x2C:
            left, upper, width, height = struct.unpack_from("<HHHH", data, at + 1)
            return left + width, upper + height
        if data[at] != 0x21:
            break
        at += 2
        while length := data[at]:
            at += 1 + length
        at += 1
    return 0, 0


def _bmp(data: bytes) -> ImageHeader | None:
    """Read the header. A negative height means that rows are stored from top to bottom."""
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return ImageHeader(image_format=image_formats.BMP, width=width, height=abs(height), animated=False)


def _heif(data: bytes) -> ImageHeader | None:
    """Read the properties of the primary item. Pillow does not crop AVIF images."""
    header, image_format = read_heif_header(data), detect_format(data)
    if header is None or image_format is None:
        return None
    size = header.primary.compute_upright_size(with_crop=image_format is image_formats.HEIC)
    if size is None:
        return None
    return ImageHeader(
        image_format=image_format,
        width=size[0],
        height=size[1],
        alpha=True if header.alpha else None if header.tiles else False,
        animated=image_format is image_formats.AVIF and data[8:12] == b"avis",
    )


_READERS: Final[dict[ImageFormat, Callable[[bytes], ImageHeader | None]]] = {
    image_formats.JPEG: _jpeg,
    image_formats.PNG: _png,
    image_formats.WEBP: _webp,
    image_formats.GIF: _gif,
    image_formats.BMP: _bmp,
    image_formats.AVIF: _heif,
    image_formats.HEIC: _heif,
}
#: Formats whose header can be read.
READABLE: Final = tuple(_READERS)
