"""Operations that change light and colour."""

from PIL import Image

from shared.pipeline import Grayscale


def grayscale(image: Image.Image, params: Grayscale) -> Image.Image:  # noqa: ARG001 - every operation has this shape
    """Turn the picture grey by ITU-R BT.601 luma, which is Pillow's; alpha stays."""
    if image.mode in {"L", "LA"}:
        return image
    return image.convert("LA" if image.mode == "RGBA" else "L")
