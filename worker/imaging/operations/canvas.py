"""Colors and canvases for operations that paste an image on a background."""

from PIL import Image, ImageColor


def parse_rgba(color: str) -> tuple[int, int, int, int]:
    """Parse ``#rrggbb`` or ``#rrggbbaa`` to red, green, blue and alpha, each 0 to 255."""
    red, green, blue, *opacity = ImageColor.getrgb(color)
    return red, green, blue, opacity[0] if opacity else 255


def add_alpha(image: Image.Image) -> Image.Image:
    """Return the image with an alpha channel. A grayscale image stays grayscale."""
    return image if image.mode in {"LA", "RGBA"} else image.convert("LA" if image.mode == "L" else "RGBA")


def is_gray(color: str) -> bool:
    """Return True if a grayscale image can store the color. A fully transparent color counts as gray."""
    red, green, blue, opacity = parse_rgba(color)
    return opacity == 0 or red == green == blue


def paste_on_background(
    image: Image.Image,
    background: str,
    size: tuple[int, int] | None = None,
    position: tuple[int, int] = (0, 0),
) -> Image.Image:
    """Paste an image on a canvas of one color. By default, the canvas has the size of the image.

    The image must fit on the canvas at ``position``. The result has alpha only if the color is not opaque. A grayscale
    image stays grayscale if the color is gray.
    """
    size = size or image.size
    gray = image.mode in {"L", "LA"} and is_gray(background)
    red, green, blue, opacity = parse_rgba(background)
    if opacity == 0:
        canvas = Image.new("LA" if gray else "RGBA", size)
        canvas.paste(add_alpha(image) if gray else image.convert("RGBA"), position)
        return canvas
    if opacity == 255:
        canvas = Image.new("L", size, red) if gray else Image.new("RGB", size, (red, green, blue))
        alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
        canvas.paste(image.convert(canvas.mode), position, alpha)
        return canvas
    canvas = Image.new("RGBA", size, (red, green, blue, opacity))
    canvas.alpha_composite(image.convert("RGBA"), position)
    return canvas.convert("LA") if gray else canvas
