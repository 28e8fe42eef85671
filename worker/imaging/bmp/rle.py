"""Run-length encoded BMP files (MS-WMF 3.1.6.1 to 3.1.6.4, and RLE24 of OS/2).

Runs can skip pixels. The specification does not define these pixels. In Chromium 156, they are black.
"""

from dataclasses import dataclass

from shared.errors import TruncatedImage


@dataclass(frozen=True, slots=True)
class Painted:
    """Decoded runs, from the lower left pixel to the right."""

    #: 1 byte (a palette entry) or 3 bytes (blue, green, red) per pixel.
    pixels: bytes
    #: 255 for each pixel that a run has painted, otherwise 0. None if all pixels are painted.
    mask: bytes | None


def decode_runs(data: bytes, start: int, size: tuple[int, int], bits: int) -> Painted:
    """Decode runs of 4, 8 or 24 bits per pixel that begin at the offset ``start``.

    Runs are cut at the end of a row. Raises TruncatedImage if the data ends before the end marker and before all pixels
    are painted.
    """
    width, height = size
    depth = 3 if bits == 24 else 1
    pixels, mask = bytearray(width * height * depth), bytearray(width * height)
    x, y, at = 0, 0, start
    end = len(data)
    while y < height:
        if at + 2 > end:
            if 0 in mask:
                raise TruncatedImage
            break
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
            continue
        if count == 0 and value == 1:
            break
        if count == 0 and value == 2:
            if at + 2 > end:
                raise TruncatedImage
            x, y, at = x + data[at], y + data[at + 1], at + 2
            continue
        if count:
            content, at = _repeat(data, at, value, count, bits)
        else:
            count = value
            length = (count * bits + 7) // 8
            content = _unpack(data[at : at + length], bits)
            at += length + length % 2
        visible = min(count, width - x, len(content) // depth)
        if visible > 0:
            first = y * width + x
            pixels[first * depth : (first + visible) * depth] = content[: visible * depth]
            mask[first : first + visible] = b"\xff" * visible
        x += count
    return Painted(bytes(pixels), bytes(mask) if 0 in mask else None)


def _repeat(data: bytes, at: int, value: int, count: int, bits: int) -> tuple[bytes, int]:
    """Return the pixels of an encoded run, and the offset after it. ``at`` is the offset after its first two bytes."""
    if bits == 24:
        return data[at - 1 : at + 2] * count, at + 2
    if bits == 8:
        return bytes((value,)) * count, at
    return (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count], at


def _unpack(content: bytes, bits: int) -> bytes:
    """Return the pixels of an absolute run."""
    return bytes(each for pair in content for each in (pair >> 4, pair & 15)) if bits == 4 else content
