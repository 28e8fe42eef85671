"""Operations that change tone and color: grayscale, adjust, background."""

from PIL import Image, ImageEnhance

from shared.pipeline.operations import Adjust, Background, Grayscale
from worker.imaging.operations.canvas import paste_on_background

#: The value that a change of contrast does not change. If it were the mean of each frame, animations would flicker.
_MIDDLE_GRAY = 128


def grayscale(image: Image.Image, params: Grayscale) -> Image.Image:  # noqa: ARG001 - every operation has this signature
    """Convert to grayscale (ITU-R BT.601 luma). Alpha does not change."""
    if image.mode in {"L", "LA"}:
        return image
    return image.convert("LA" if image.mode == "RGBA" else "L")


def adjust(image: Image.Image, params: Adjust) -> Image.Image:
    """Change the brightness and contrast of each channel, then the saturation."""
    curve = [
        _clamp((value * params.brightness - _MIDDLE_GRAY) * params.contrast + _MIDDLE_GRAY) for value in range(256)
    ]
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    colors = image.convert(image.mode.removesuffix("A")) if alpha else image
    colors = colors.point(curve * len(colors.getbands()))
    if colors.mode == "RGB" and params.saturation != 1:
        colors = ImageEnhance.Color(colors).enhance(params.saturation)
    if alpha:
        colors.putalpha(alpha)
    return colors


def background(image: Image.Image, params: Background) -> Image.Image:
    """Flatten a transparent image onto a color."""
    return paste_on_background(image, params.color) if image.mode in {"LA", "RGBA"} else image


def _clamp(value: float) -> int:
    return max(0, min(255, round(value)))
