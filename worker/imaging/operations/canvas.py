"""Colours and canvases: what operations need that lay a picture on something."""

from PIL import Image, ImageColor


def rgba(color: str) -> tuple[int, int, int, int]:
    """Return red, green, blue and opacity, 0 to 255, of ``#rrggbb`` or ``#rrggbbaa``."""
    red, green, blue, *opacity = ImageColor.getrgb(color)
    return red, green, blue, opacity[0] if opacity else 255


def with_alpha(image: Image.Image) -> Image.Image:
    """Return a picture with an alpha channel, grey if it was grey."""
    return image if image.mode in {"LA", "RGBA"} else image.convert("LA" if image.mode == "L" else "RGBA")


def is_grey(color: str) -> bool:
    """Tell whether a grey picture can hold a colour. A transparent one is none."""
    red, green, blue, opacity = rgba(color)
    return opacity == 0 or red == green == blue


def lay_on(
    image: Image.Image,
    background: str,
    size: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
) -> Image.Image:
    """Lay a picture on a canvas of one colour, which shows wherever the picture is transparent.

    The canvas must be large enough for the picture where it is laid. The result has alpha only if the
    colour is not opaque, and stays grey if the colour allows it.
    """
    size = size or image.size
    grey = image.mode in {"L", "LA"} and is_grey(background)
    red, green, blue, opacity = rgba(background)
    if opacity == 0:
        canvas = Image.new("LA" if grey else "RGBA", size)
        canvas.paste(with_alpha(image) if grey else image.convert("RGBA"), at)
        return canvas
    if opacity == 255:
        canvas = Image.new("L", size, red) if grey else Image.new("RGB", size, (red, green, blue))
        alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
        canvas.paste(image.convert(canvas.mode), at, alpha)
        return canvas
    canvas = Image.new("RGBA", size, (red, green, blue, opacity))
    canvas.alpha_composite(image.convert("RGBA"), at)
    return canvas.convert("LA") if grey else canvas
