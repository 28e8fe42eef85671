"""The canvas of an animation. All formats use the same function.

In memory are the canvas, one frame and, for a frame that is removed later, the canvas below it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from PIL import Image

from shared.pipeline.sizes import Size
from worker.imaging.containers.animation import Box, Disposal, StoredAnimation, StoredFrame

#: Decode the pixels of a frame to mode L, LA, RGB or RGBA. Return None if they are damaged.
FrameDecoder = Callable[[StoredFrame], Image.Image | None]

#: Tables that make masks from alpha: of the pixels that are not transparent, and of those that are not opaque either.
_VISIBLE: Final = (0, *(255,) * 255)
_PARTIAL: Final = (0, *(255,) * 254, 0)
_GRAY_MODES: Final = {"L", "LA"}


def compose_frames(animation: StoredAnimation, decode: FrameDecoder) -> Iterator[Image.Image | None]:
    """Yield, for each frame, the canvas that a browser shows.

    Yield None for a frame that is damaged, and for each later frame that shows pixels which the damaged frame should
    have drawn.
    """
    canvas = _Canvas(animation.size)
    for frame in animation.frames:
        yield canvas.show(frame, decode)


class _Canvas:
    """The canvas. It starts transparent. Its image is replaced rather than changed, because it was given away."""

    def __init__(self, size: Size) -> None:
        self._image = Image.new("LA", size)
        #: The part with unknown pixels, because a frame is damaged.
        self._unknown: Box | None = None

    def show(self, frame: StoredFrame, decode: FrameDecoder) -> Image.Image | None:
        """Draw a frame, return the canvas, and prepare the canvas for the next frame."""
        box = _intersect(frame.box, (0, 0, *self._image.size))
        below, unknown_below = self._image, self._unknown
        is_drawn = self._draw(frame, box, decode)
        shown = self._image if is_drawn and not self._unknown else None
        if box and frame.disposal is Disposal.CLEAR:
            self._replace(Image.new("LA", (box[2] - box[0], box[3] - box[1])), box)
        elif box and frame.disposal is Disposal.RESTORE:
            self._image, self._unknown = below, unknown_below
        return shown

    def _draw(self, frame: StoredFrame, box: Box | None, decode: FrameDecoder) -> bool:
        """Draw the part of a frame that is on the canvas. Return False if the frame is damaged."""
        if frame.parts and box is None:
            return True
        pixels = decode(frame) if frame.parts else None
        if pixels is None:
            self._unknown = _join(self._unknown, box) if box else self._unknown
            return False
        if box and box != frame.box:
            left, upper = frame.box[:2]
            pixels = pixels.crop((box[0] - left, box[1] - upper, box[2] - left, box[3] - upper))
        if box and frame.blends and pixels.mode in {"LA", "RGBA"}:
            self._blend(pixels, box)
        elif box:
            self._replace(pixels, box)
        return True

    def _blend(self, pixels: Image.Image, box: Box) -> None:
        """Draw pixels with alpha over those in a box. Blend only if some are neither opaque nor transparent."""
        is_gray = {self._image.mode, pixels.mode} <= _GRAY_MODES
        mode = ("L" if is_gray else "RGB") + ("A" if self._image.mode in {"LA", "RGBA"} else "")
        alpha = pixels.getchannel("A")
        part = None if self._is_clear(box) else alpha.point(_PARTIAL).getbbox()
        below, self._image = self._image, self._image.convert(mode)
        if part != (0, 0, *pixels.size):
            # Copying the other pixels gives the same result in a fifth of the time. A mask of mode 1 copies, and Pillow
            # converts the mode of the pixels.
            self._image.paste(pixels, box, alpha.point(_VISIBLE, "1"))
        if part:
            place = (box[0] + part[0], box[1] + part[1], box[0] + part[2], box[1] + part[3])
            images = (each.crop(part_of).convert("RGBA") for each, part_of in ((below, place), (pixels, part)))
            self._image.paste(Image.alpha_composite(*images).convert(mode), place)

    def _is_clear(self, box: Box) -> bool:
        """Return True if all pixels in a box are transparent."""
        return self._image.mode in {"LA", "RGBA"} and self._image.crop(box).getchannel("A").getbbox() is None

    def _replace(self, pixels: Image.Image, box: Box) -> None:
        """Replace the pixels in a box, including their transparency."""
        if box == (0, 0, *self._image.size):
            self._image = pixels
        else:
            modes = {self._image.mode, pixels.mode}
            mode = ("L" if modes <= _GRAY_MODES else "RGB") + ("A" if modes & {"LA", "RGBA"} else "")
            # A conversion to the same mode is a copy.
            self._image = self._image.convert(mode)
            self._image.paste(pixels.convert(mode), box)
        if self._unknown and _intersect(self._unknown, box) == self._unknown:
            self._unknown = None


def _intersect(first: Box, second: Box) -> Box | None:
    """Return the common part of two boxes, or None if they have none."""
    left, upper = max(first[0], second[0]), max(first[1], second[1])
    right, lower = min(first[2], second[2]), min(first[3], second[3])
    return (left, upper, right, lower) if left < right and upper < lower else None


def _join(first: Box | None, second: Box) -> Box:
    """Return the smallest box that contains both."""
    if first is None:
        return second
    return min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3])
