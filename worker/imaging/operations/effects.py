"""Operations that change edges: blur, sharpen, round corners."""

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from shared.pipeline.operations import Blur, RoundCorners, Sharpen
from worker.imaging.operations.canvas import add_alpha

#: A corner is drawn at four times its size for a smooth edge, if its radius has at most this many pixels. The limit
#: saves memory.
_MAX_SMOOTH_RADIUS = 512


def blur(image: Image.Image, params: Blur) -> Image.Image:
    """Apply a Gaussian blur. Multiply by alpha first, so that colors of transparent pixels do not become visible."""
    if image.mode not in {"LA", "RGBA"}:
        return image.filter(ImageFilter.GaussianBlur(params.radius))
    premultiplied = image.convert("La" if image.mode == "LA" else "RGBa")
    return premultiplied.filter(ImageFilter.GaussianBlur(params.radius)).convert(image.mode)


def sharpen(image: Image.Image, params: Sharpen) -> Image.Image:
    """Apply an unsharp mask. Alpha does not change."""
    mask = ImageFilter.UnsharpMask(params.radius, round(params.amount * 100), params.threshold)
    if image.mode not in {"LA", "RGBA"}:
        return image.filter(mask)
    sharp = image.convert(image.mode.removesuffix("A")).filter(mask)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def round_corners(image: Image.Image, params: RoundCorners) -> Image.Image:
    """Make the corners transparent. Existing transparency is kept."""
    shorter = min(image.size)
    requested = params.radius * shorter if params.unit == "relative" else params.radius
    radius = min(round(requested), (shorter + 1) // 2)
    if radius < 1:
        return image
    rounded = add_alpha(image).copy()
    rounded.putalpha(ImageChops.multiply(rounded.getchannel("A"), _draw_mask(image.size, radius)))
    return rounded


def _draw_mask(size: tuple[int, int], radius: int) -> Image.Image:
    corner = _draw_corner(radius)
    right, lower = size[0] - radius, size[1] - radius
    mask = Image.new("L", size, 255)
    mask.paste(corner, (0, 0))
    mask.paste(corner.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (right, 0))
    mask.paste(corner.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (0, lower))
    mask.paste(corner.transpose(Image.Transpose.ROTATE_180), (right, lower))
    return mask


def _draw_corner(radius: int) -> Image.Image:
    """Draw the top left quarter of a disc."""
    scale = 4 if radius <= _MAX_SMOOTH_RADIUS else 1
    drawn = Image.new("L", (radius * scale, radius * scale))
    ImageDraw.Draw(drawn).ellipse((0, 0, 2 * radius * scale - 1, 2 * radius * scale - 1), fill=255)
    return drawn.resize((radius, radius), Image.Resampling.BOX)
