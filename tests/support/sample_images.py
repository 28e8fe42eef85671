"""Small images with known content."""

from io import BytesIO
from random import Random
from typing import Any

from PIL import Image
from support.heif_images import read_heif


def draw_scene(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Return a gradient with a red top left quarter, so that every rotation and mirroring is visible."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").rotate(90).resize((width, height)))
        return image
    return image.convert(mode)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return an image encoded in a format. HEIC can't be encoded, so the result is always ``draw_scene()``."""
    if image_format == "HEIC":
        return read_heif("scene")
    file = BytesIO()
    image.save(file, format=image_format, **options)
    return file.getvalue()


def make_jpeg(width: int = 64, height: int = 48, **options: Any) -> bytes:
    """Return a small JPEG file."""
    return encode(draw_scene(width, height), "JPEG", quality=90, **options)


def make_png(width: int = 64, height: int = 48, mode: str = "RGB", **options: Any) -> bytes:
    """Return a small PNG file."""
    return encode(draw_scene(width, height, mode), "PNG", **options)


def make_rotated_jpeg(width: int = 64, height: int = 48, orientation: int = 6) -> bytes:
    """Return a JPEG with an EXIF orientation; 6 means that it has to be rotated clockwise by 90°."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return make_jpeg(width, height, exif=exif)


def decode(data: bytes) -> Image.Image:
    """Decode a file."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def make_noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return reproducible noise, which does not compress."""
    return Image.frombytes(mode, (width, height), Random(1).randbytes(width * height * len(mode)))
