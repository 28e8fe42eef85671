"""The low bytes of a PNG with 16 bits per channel. Pillow decodes only the high bytes, except of gray."""

from typing import Final

from PIL import Image

from shared.pipeline.image_formats import PNG
from worker.imaging.containers import read_contents
from worker.imaging.repair import load_pixels

#: Pillow's name of the pixels in the file, and the name with which it reads the low bytes of the same pixels. The bytes
#: of gray with alpha are read as four channels: gray and alpha, each with its high byte first.
_LOW_BYTES: Final = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}


def load_low_bytes(image: Image.Image, data: bytes) -> Image.Image | None:
    """Return the low bytes of the colors of an opened PNG. The mode is L for gray with alpha.

    Return None if Pillow keeps all bits of the file. ``data`` is the file. Raises what Pillow raises.
    """
    raw_mode = _find_raw_mode(image)
    if image.format != PNG.name or raw_mode not in _LOW_BYTES:
        return None
    opened = Image.open(read_contents(data).open(), formats=(PNG.name,))
    loaded, _ = load_pixels(opened, data, _select_low_bytes)
    return loaded.getchannel("G") if raw_mode == "LA;16B" else loaded


def _find_raw_mode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    return tiles[0].args if tiles and isinstance(tiles[0].args, str) else ""


def _select_low_bytes(image: Image.Image) -> None:
    """Make Pillow read the low bytes of an opened PNG."""
    raw_mode = _LOW_BYTES[_find_raw_mode(image)]
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]  # type: ignore[attr-defined] # of opened files
