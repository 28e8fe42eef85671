"""Palettes of PNG files that have fewer colors than the pixels refer to."""

from typing import Final

from PIL import Image, ImagePalette

from shared.pipeline.image_formats import PNG

_PALETTE_BYTES: Final = 3 * 256


def complete_palette(image: Image.Image) -> None:
    """Make the colors that the palette of an opened PNG lacks black, as in browsers. Pillow would make them gray."""
    palette = image.palette
    if image.format == PNG.name and image.mode == "P" and palette is not None:
        image.palette = ImagePalette.raw("RGB", bytes(palette.palette).ljust(_PALETTE_BYTES, b"\0"))
