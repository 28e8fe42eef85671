"""Picture to bytes. Metadata stays behind: nothing but pixels is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from PIL import Image

from shared.formats import ImageFormat
from shared.pipeline import Output, OutputFormat

DEFAULT_QUALITY: Final = {OutputFormat.JPEG: 82, OutputFormat.WEBP: 80}
_OPTIONS: Final[Mapping[OutputFormat, Mapping[str, Any]]] = {
    OutputFormat.PNG: {"compress_level": 6},
    OutputFormat.JPEG: {"progressive": True, "optimize": True},
    OutputFormat.WEBP: {"method": 4},
    OutputFormat.AVIF: {},
    OutputFormat.GIF: {},
    OutputFormat.TIFF: {"compression": "tiff_adobe_deflate"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """The bytes of one output and their facts."""

    data: bytes
    width: int
    height: int
    image_format: ImageFormat


def encode(image: Image.Image, output: Output) -> EncodedImage:
    """Write a picture in the format, quality and background that ``output`` asks for."""
    options = dict(_OPTIONS[output.format])
    if output.format in DEFAULT_QUALITY:
        options["quality"] = output.quality or DEFAULT_QUALITY[output.format]
    if output.format is OutputFormat.JPEG:
        image = _flattened(image, output.background)
    file = BytesIO()
    image.save(file, format=output.format.image_format.name, **options)
    return EncodedImage(
        data=file.getvalue(),
        width=image.width,
        height=image.height,
        image_format=output.format.image_format,
    )


def _flattened(image: Image.Image, background: str) -> Image.Image:
    """Lay a picture on a colour, where the format knows no transparency."""
    if not image.has_transparency_data:
        return image
    colours = image.convert("RGBA")
    ground = Image.new("RGBA", image.size, background)
    flat = Image.alpha_composite(ground, colours).convert("RGB")
    red, green, blue = (int(background[at : at + 2], 16) for at in (1, 3, 5))
    return flat.convert("L") if image.mode == "LA" and red == green == blue else flat
