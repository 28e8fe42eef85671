"""The header of a BMP: size, bit depth, compression, masks and palette.

Sources: MS-WMF 2.2.2 (device-independent bitmaps), the OS/2 2.0 presentation manager reference for the headers of
12 and 16 to 64 bytes, and Chromium's bmp_image_reader.cc for the meaning of alpha.
"""

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from shared.errors import CorruptImage, TruncatedImage, UnsupportedFlavor

_FILE_HEADER_BYTES: Final = 14
#: BITMAPCOREHEADER, which has sides of 16 bits and palette entries of 3 bytes.
_CORE: Final = 12
_INFO: Final = 40
#: Headers that contain the masks of red, green and blue, and from ``_V3`` on the mask of alpha.
_WITH_MASKS: Final = (52, 56, 108, 124)
_V3: Final = 56
#: Headers whose alpha mask also applies to uncompressed files, as in browsers.
_V4_V5: Final = (108, 124)
_WINDOWS: Final = (_INFO, *_WITH_MASKS)
_DEPTHS: Final = (1, 2, 4, 8, 16, 24, 32)
#: PROFILE_EMBEDDED: the file contains a color profile.
_EMBEDDED_PROFILE: Final = 0x4D424544
_ADVICE: Final = "Convert the file to PNG, or save it as an uncompressed BMP."


class Compression(Enum):
    """How the pixels are stored."""

    NONE = auto()
    #: Uncompressed, with the masks of the header.
    MASKS = auto()
    RLE4 = auto()
    RLE8 = auto()
    RLE24 = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class BmpHeader:
    """Facts from the header of a BMP."""

    #: Pixels.
    width: int
    #: Pixels.
    height: int
    #: Whether the first row in the file is the upper one.
    top_down: bool
    #: Bits per pixel.
    bits: int
    compression: Compression
    #: Bits of red, green, blue and alpha in a pixel of 16, 24 or 32 bits. 0 if there is no such channel.
    masks: tuple[int, int, int, int]
    #: Red, green, blue of each palette entry.
    palette: tuple[tuple[int, int, int], ...]
    #: Offset of the pixels in the file, bytes.
    pixels_at: int
    profile: bytes | None


def read_header(data: bytes) -> BmpHeader:
    """Read the header of a BMP.

    Raises TruncatedImage if the file ends within the header, CorruptImage if the header is invalid, and
    UnsupportedFlavor if the header is valid, but the compression or the depth is not supported.
    """
    try:
        return _read_header(data)
    except struct.error as error:
        raise TruncatedImage from error


def _read_header(data: bytes) -> BmpHeader:
    pixels_at, size = struct.unpack_from("<II", data, 10)
    end = _FILE_HEADER_BYTES + size
    if len(data) < end:
        raise TruncatedImage
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        code = colors = 0
    else:
        fields = data[18:end].ljust(36, b"\0")  # the header of OS/2 can end after any field
        width, height, _, bits, code, _, _, _, colors, _ = struct.unpack_from("<iiHHIIiiII", fields)
    if width <= 0 or height == 0:
        raise CorruptImage
    compression = _find_compression(size, bits, code)
    masks = _read_masks(data, size, bits, code)
    if size not in _WITH_MASKS and compression is Compression.MASKS:
        end += 16 if code == 6 else 12
    palette: tuple[tuple[int, int, int], ...] = ()
    if bits <= 8:
        count = colors or 1 << bits
        entry_bytes = 3 if size == _CORE else 4
        if pixels_at > end:  # the pixels can begin before the end of the declared palette
            count = min(count, (pixels_at - end) // entry_bytes)
        palette = _read_palette(data, end, entry_bytes, min(count, 1 << bits))
        end += count * entry_bytes
    return BmpHeader(
        width=width,
        height=abs(height),
        top_down=height < 0,
        bits=bits,
        compression=compression,
        masks=masks,
        palette=palette,
        pixels_at=pixels_at or end,
        profile=_read_profile(data, size),
    )


def _find_compression(size: int, bits: int, code: int) -> Compression:
    """Return the compression. The codes 3 and 4 have other meanings in OS/2, whose header can have 40 bytes, too."""
    is_windows = size in _WINDOWS
    if code == 3 and (bits == 1 or not is_windows):
        raise UnsupportedFlavor(f"BMP files with Huffman compression (OS/2) are not supported. {_ADVICE}")
    if code == 4 and (bits == 24 or not is_windows):
        return _require_depth(Compression.RLE24, bits, (24,))
    if code in {4, 5}:
        content = "JPEG" if code == 4 else "PNG"
        raise UnsupportedFlavor(f"BMP files that contain a {content} are not supported. Send the {content} itself.")
    if code in {11, 12, 13}:
        raise UnsupportedFlavor(f"BMP files in CMYK are not supported. {_ADVICE}")
    if bits == 64 and code == 0:
        raise UnsupportedFlavor(f"BMP files with 64 bits per pixel are not supported. {_ADVICE}")
    found = {
        0: (Compression.NONE, _DEPTHS),
        1: (Compression.RLE8, (8,)),
        2: (Compression.RLE4, (4,)),
        3: (Compression.MASKS, (16, 24, 32)),
        6: (Compression.MASKS, (16, 24, 32)),
    }.get(code)
    if found is None:
        raise CorruptImage
    return _require_depth(found[0], bits, found[1])


def _require_depth(compression: Compression, bits: int, allowed: tuple[int, ...]) -> Compression:
    if bits not in allowed:
        raise CorruptImage
    return compression


def _read_masks(data: bytes, size: int, bits: int, code: int) -> tuple[int, int, int, int]:
    """Return the masks of red, green, blue and alpha.

    An uncompressed file has fixed masks of colors. As in Chromium, the alpha mask of a V4 or V5 header applies to 32
    bits anyway, and the fourth byte of a pixel in other files is no alpha.
    """
    if bits <= 8:
        return 0, 0, 0, 0
    if code in {3, 6}:
        count = 4 if code == 6 or size >= _V3 else 3
        masks = struct.unpack_from(f"<{count}I", data, _FILE_HEADER_BYTES + _INFO)
        red, green, blue, alpha = (*masks, 0)[:4]
        if bits == 32 and not red | green | blue | alpha:
            return 0xFF0000, 0xFF00, 0xFF, 0xFF000000 if size >= _V3 else 0
    else:
        red, green, blue = (0x7C00, 0x3E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF)
        alpha = struct.unpack_from("<I", data, _FILE_HEADER_BYTES + 52)[0] if size in _V4_V5 else 0
        alpha = alpha if bits == 32 and not alpha & (red | green | blue) else 0
    for mask in (red, green, blue, alpha):
        if mask >> bits or not _is_contiguous(mask):
            raise CorruptImage
    return red, green, blue, alpha


def _is_contiguous(mask: int) -> bool:
    lowest = mask & -mask
    return mask + lowest & mask == 0


def _read_palette(data: bytes, start: int, entry_bytes: int, count: int) -> tuple[tuple[int, int, int], ...]:
    """Return red, green and blue of each palette entry, which are stored in reverse order."""
    entries = range(start, start + count * entry_bytes, entry_bytes)
    if len(data) < entries.stop:
        raise TruncatedImage
    return tuple((data[at + 2], data[at + 1], data[at]) for at in entries)


def _read_profile(data: bytes, size: int) -> bytes | None:
    """Return the color profile that is embedded in a file with a V5 header, if any."""
    if size != 124 or struct.unpack_from("<I", data, _FILE_HEADER_BYTES + 56)[0] != _EMBEDDED_PROFILE:
        return None
    start, length = struct.unpack_from("<II", data, _FILE_HEADER_BYTES + 112)
    return data[_FILE_HEADER_BYTES + start :][:length] or None
