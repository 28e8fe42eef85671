"""Operations that change the geometry: resize, crop, rotate, flip, pad."""

from math import cos, radians, sin

from PIL import Image

from shared.pipeline.operations import Crop, Fit, Flip, Pad, Resize, Rotate
from shared.pipeline.operations.parameters import ANCHORS
from shared.pipeline.sizes import Size, compute_crop_box, compute_size_after, fit_size, place_box
from worker.imaging.operations.canvas import add_alpha, parse_rgba, paste_on_background
from worker.imaging.operations.kernels import Box, resample

#: Pillow's transpose methods by degrees clockwise. Their names give degrees counterclockwise.
_ROTATIONS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
_FLIPS = {
    "horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
    "vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "both": Image.Transpose.ROTATE_180,
}


def resize(image: Image.Image, params: Resize) -> Image.Image:
    """Resize the image. Colors are multiplied by alpha first, so those of transparent pixels do not become visible."""
    if params.fit is Fit.CONTAIN:
        size = compute_size_after(image.size, params)
        fitted = resize_to(image, fit_size(image.size, size, enlarge=params.enlarge))
        return paste_on_background(fitted, params.background, size, place_box(size, fitted.size, params.gravity)[:2])
    size, box = compute_resize_box(image.size, params)
    return resample(image, size, box) if params.fit is Fit.COVER else resize_to(image, size)


def compute_resize_box(size: Size, params: Resize) -> tuple[Size, Box]:
    """Return the size after a resize, and the part of the image that is scaled to it.

    Do not call this for ``Fit.CONTAIN``.
    """
    target = compute_size_after(size, params)
    return target, _compute_cover_box(size, target, params.gravity) if params.fit is Fit.COVER else (0, 0, *size)


def resize_to(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize an image, unless it already has this size."""
    return image if size == image.size else resample(image, size, (0, 0, *image.size))


def crop(image: Image.Image, params: Crop) -> Image.Image:
    """Crop to the part of the box that is inside the image. Raises OutsideImage if there is no such part."""
    return image.crop(compute_crop_box(image.size, params))


def rotate(image: Image.Image, params: Rotate) -> Image.Image:
    """Rotate clockwise. Multiples of 90 degrees are lossless. Other angles get smooth edges."""
    size = compute_size_after(image.size, params)
    angle = params.angle % 360
    if angle == 0:
        return image
    if angle in _ROTATIONS and (params.expand or angle == 180 or image.width == image.height):
        return image.transpose(_ROTATIONS[int(angle)])
    rotated = _rotate_freely(image, angle, size)
    return rotated if parse_rgba(params.background)[3] == 0 else paste_on_background(rotated, params.background)


def flip(image: Image.Image, params: Flip) -> Image.Image:
    """Mirror the image."""
    return image.transpose(_FLIPS[params.direction])


def pad(image: Image.Image, params: Pad) -> Image.Image:
    """Add a border in the background color."""
    return paste_on_background(
        image, params.background, compute_size_after(image.size, params), (params.left, params.top)
    )


def _compute_cover_box(size: Size, target: Size, gravity: str) -> Box:
    """Return the part of an image of ``size`` that is scaled to ``target``."""
    width, height = size
    scale = max(target[0] / width, target[1] / height)
    cut_width, cut_height = min(width, target[0] / scale), min(height, target[1] / scale)
    across, down = ANCHORS[gravity]
    left, upper = (width - cut_width) * across, (height - cut_height) * down
    # A rounding error could put the sum outside the image.
    return left, upper, min(width, left + cut_width), min(height, upper + cut_height)


def _rotate_freely(image: Image.Image, angle: float, size: tuple[int, int]) -> Image.Image:
    """Rotate around the center on a transparent canvas. The transparent border makes the edges smooth."""
    image = add_alpha(image)
    framed = Image.new(image.mode, (image.width + 2, image.height + 2))
    framed.paste(image, (1, 1))
    across, down = cos(radians(angle)), sin(radians(angle))
    # Pillow expects the inverse transform, which maps a pixel of the result to a point in the source.
    left = framed.width / 2 - size[0] / 2 * across - size[1] / 2 * down
    upper = framed.height / 2 + size[0] / 2 * down - size[1] / 2 * across
    matrix = (across, down, left, -down, across, upper)
    return framed.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
