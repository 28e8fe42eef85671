"""Opening and decoding of a BMP."""

from typing import Final

from PIL import Image

from shared.errors import TruncatedImage
from shared.pipeline.image_formats import BMP
from worker.imaging.bit_fields import extract_field
from worker.imaging.bmp.header import BmpHeader, Compression, read_header
from worker.imaging.bmp.rle import decode_runs
from worker.imaging.lazy_image import LazyImage, Pixels

#: Pillow's name of the usual masks of red, green and blue, by bits per pixel.
_RAW_MODES: Final = {
    (16, 0x7C00, 0x3E0, 0x1F): "BGR;15",
    (16, 0xF800, 0x7E0, 0x1F): "BGR;16",
    (24, 0xFF0000, 0xFF00, 0xFF): "BGR",
    (32, 0xFF0000, 0xFF00, 0xFF): "BGRX",
}
#: Pillow's name of pixels whose bytes are one channel each.
_BYTE_MODES: Final = {16: ("LA", "LA"), 24: ("RGB", "RGB"), 32: ("RGBX", "RGBX")}
_RUN_BITS: Final = {Compression.RLE4: 4, Compression.RLE8: 8, Compression.RLE24: 24}


def open_bmp(data: bytes) -> Image.Image:
    """Read the header of a BMP. The pixels are decoded when the image is loaded.

    Raises TruncatedImage, CorruptImage or UnsupportedFlavor.
    """
    header = read_header(data)
    return LazyImage(
        image_format=BMP.name,
        mode="RGBA" if header.masks[3] else "RGB",
        size=(header.width, header.height),
        tile_size=(header.width, header.height),
        info={"icc_profile": header.profile} if header.profile else {},
        decode=lambda: Pixels(image=_decode(data, header)),
    )


def _decode(data: bytes, header: BmpHeader) -> Image.Image:
    if header.compression in _RUN_BITS:
        return _decode_runs(data, header)
    if header.bits <= 8:
        mode = "P" if header.bits == 8 else f"P;{header.bits}"
        return _apply_palette(_read_rows(data, header, "P", mode), header)
    return _decode_masks(data, header)


def _decode_masks(data: bytes, header: BmpHeader) -> Image.Image:
    """Decode pixels of 16, 24 or 32 bits. Drop an alpha channel that is 0 everywhere, as browsers do."""
    red, green, blue, alpha_mask = header.masks
    raw_mode = _RAW_MODES.get((header.bits, red, green, blue))
    if raw_mode == "BGRX" and alpha_mask == 0xFF000000:
        image = _read_rows(data, header, "RGBA", "BGRA")
        return image if image.getchannel("A").getextrema() != (0, 0) else image.convert("RGB")
    if raw_mode and not alpha_mask:
        return _read_rows(data, header, "RGB", raw_mode)
    parts = _read_rows(data, header, *_BYTE_MODES[header.bits]).split()
    channels = [extract_field(parts, mask) if mask else Image.new("L", parts[0].size) for mask in header.masks[:3]]
    if alpha_mask:
        alpha = extract_field(parts, alpha_mask)
        if alpha.getextrema() != (0, 0):
            return Image.merge("RGBA", (*channels, alpha))
    return Image.merge("RGB", channels)


def _decode_runs(data: bytes, header: BmpHeader) -> Image.Image:
    size = header.width, header.height
    painted = decode_runs(data, header.pixels_at, size, _RUN_BITS[header.compression])
    step = 1 if header.top_down else -1
    if header.compression is Compression.RLE24:
        image = Image.frombytes("RGB", size, painted.pixels, "raw", "BGR", 0, step)
    else:
        image = _apply_palette(Image.frombytes("P", size, painted.pixels, "raw", "P", 0, step), header)
    if painted.mask is None:
        return image
    mask = Image.frombytes("L", size, painted.mask, "raw", "L", 0, step)
    plain = image.convert("RGB") if image.mode == "P" else image
    return Image.composite(plain, Image.new(plain.mode, size), mask)


def _read_rows(data: bytes, header: BmpHeader, mode: str, raw_mode: str) -> Image.Image:
    """Return the uncompressed pixels. Each row is padded to 4 bytes, but the padding of the last row may be missing."""
    stride = (header.width * header.bits + 31) // 32 * 4
    needed = stride * header.height
    rows = memoryview(data)[header.pixels_at : header.pixels_at + needed]
    if len(rows) < needed - stride + (header.width * header.bits + 7) // 8:
        raise TruncatedImage
    complete = rows if len(rows) == needed else bytes(rows).ljust(needed, b"\0")
    size = header.width, header.height
    return Image.frombytes(mode, size, complete, "raw", raw_mode, stride, 1 if header.top_down else -1)


def _apply_palette(indexes: Image.Image, header: BmpHeader) -> Image.Image:
    """Return an image of mode L if all colors are gray, otherwise P. Entries that the palette lacks are black."""
    colors = (*header.palette, *((0, 0, 0),) * 256)[:256]
    if all(red == green == blue for red, green, blue in colors):
        return indexes.point([red for red, _, _ in colors], "L")
    indexes.putpalette([value for color in colors for value in color])
    return indexes
