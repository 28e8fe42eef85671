"""A writer of BMP files: headers, masks, palettes and runs that Pillow can't write."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Palette entries are red, green, blue.
Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class BmpFile:
    """A BMP. ``body`` holds the pixels as stored."""

    width: int
    height: int
    bits: int
    body: bytes
    header_bytes: int = 40
    compression: int = 0
    masks: Sequence[int] = ()
    palette: Sequence[Color] = ()
    top_down: bool = False
    profile: bytes = b""
    #: Header fields that the others do not set: bytes by their offset in the header.
    extra: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        size = self.header_bytes
        if size == 12:
            header = bytearray(struct.pack("<IHHHH", size, self.width, self.height, 1, self.bits))
        else:
            height = -self.height if self.top_down else self.height
            fields = (
                size,
                self.width,
                height,
                1,
                self.bits,
                self.compression,
                len(self.body),
                0,
                0,
                len(self.palette),
                0,
            )
            header = bytearray(struct.pack("<IiiHHIIiiII", *fields).ljust(size, b"\0")[:size])
        after = b""
        if self.masks:
            packed = struct.pack(f"<{len(self.masks)}I", *self.masks)
            if size >= 40 + len(packed):
                header[40 : 40 + len(packed)] = packed
            else:
                after = packed
        for at, content in self.extra.items():
            header[at : at + len(content)] = content
        entry = struct.Struct("<BBB" if size == 12 else "<BBBx")
        colors = b"".join(entry.pack(blue, green, red) for red, green, blue in self.palette)
        pixels_at = 14 + size + len(after) + len(colors)
        if self.profile:
            header[56:60] = b"DEBM"
            header[112:120] = struct.pack("<II", size + len(after) + len(colors) + len(self.body), len(self.profile))
        head = b"BM" + struct.pack("<IHHI", pixels_at + len(self.body) + len(self.profile), 0, 0, pixels_at)
        return head + header + after + colors + self.body + self.profile


def pack_rows(rows: Sequence[Sequence[int]], bits: int, *, top_down: bool = False) -> bytes:
    """Return uncompressed pixels: values of ``bits`` bits, rows padded to 4 bytes, the lowest row first."""
    packed = []
    for row in rows if top_down else reversed(rows):
        if bits >= 8:
            content = b"".join(value.to_bytes(bits // 8, "little") for value in row)
        else:
            text = "".join(f"{value:0{bits}b}" for value in row)
            text = text.ljust((len(text) + 7) // 8 * 8, "0")
            content = int(text, 2).to_bytes(len(text) // 8, "big")
        packed.append(content.ljust((len(content) + 3) // 4 * 4, b"\0"))
    return b"".join(packed)


def place_in_masks(pixel: Sequence[int], masks: Sequence[int]) -> int:
    """Return the stored value of a pixel: each 8-bit channel is scaled to its mask and shifted."""
    value = 0
    for channel, mask in zip(pixel, masks, strict=False):
        if mask:
            value |= round(channel * ((1 << mask.bit_count()) - 1) / 255) << (mask & -mask).bit_length() - 1
    return value
