"""The canvas of an animation. All formats use the same function.

In memory are the canvas, one frame and, for a frame that is removed later, the pixels below it.
"""

from collections.abc import Callable, Iterator

from PIL import Image

from shared.pipeline.sizes import Size
from worker.imaging.containers.animation import Box, Disposal, StoredAnimation, StoredFrame

#: Decode the pixels of a frame to mode L, LA, RGB or RGBA. Return None if they are damaged.
FrameDecoder = Callable[[StoredFrame], Image.Image | None]

_CLEAR = (0, 0, 0, 0)


def compose_frames(animation: StoredAnimation, decode: FrameDecoder) -> Iterator[Image.Image | None]:
    """Yield, for each frame, the canvas that a browser shows.

    Yield None for a frame that is damaged, and for each later frame that shows pixels which the damaged frame should
    have drawn.
    """
    canvas = _Canvas(animation.size)
    for frame in animation.frames:
        yield canvas.show(frame, decode)


class _Canvas:
    """The canvas. It starts transparent."""

    def __init__(self, size: Size) -> None:
        self._image = Image.new("RGBA", size, _CLEAR)
        #: The part with unknown pixels, because a frame is damaged.
        self._unknown: Box | None = None
        self._is_gray = True

    def show(self, frame: StoredFrame, decode: FrameDecoder) -> Image.Image | None:
        """Draw a frame, return a copy of the canvas, and prepare the canvas for the next frame."""
        box = _intersect(frame.box, (0, 0, *self._image.size))
        unknown_before = self._unknown
        below = self._image.crop(box) if frame.disposal is Disposal.RESTORE and box else None
        is_drawn = self._draw(frame, box, decode)
        shown = self._copy() if is_drawn and not self._unknown else None
        if box and frame.disposal is Disposal.CLEAR:
            self._image.paste(_CLEAR, box)
            self._mark_known(box)
        if box and below:
            self._image.paste(below, box)
            self._unknown = unknown_before
        return shown

    def _draw(self, frame: StoredFrame, box: Box | None, decode: FrameDecoder) -> bool:
        """Draw the part of a frame that is on the canvas. Return False if the frame is damaged."""
        if frame.parts and box is None:
            return True
        pixels = decode(frame) if frame.parts else None
        if pixels and box:
            self._is_gray &= pixels.mode in {"L", "LA"}
            self._draw_pixels(pixels, frame, box)
        elif box:
            self._unknown = _join(self._unknown, box)
        return pixels is not None

    def _draw_pixels(self, pixels: Image.Image, frame: StoredFrame, box: Box) -> None:
        left, upper, right, lower = box
        if box != frame.box:
            offset = frame.box[0], frame.box[1]
            pixels = pixels.crop((left - offset[0], upper - offset[1], right - offset[0], lower - offset[1]))
        if frame.blends and pixels.mode in {"LA", "RGBA"}:
            self._image.alpha_composite(pixels.convert("RGBA"), (left, upper))
        else:
            self._image.paste(pixels.convert("RGBA"), box)
            self._mark_known(box)

    def _copy(self) -> Image.Image:
        if self._image.getchannel("A").getextrema() == (255, 255):
            return self._image.convert("L" if self._is_gray else "RGB")
        return self._image.convert("LA") if self._is_gray else self._image.copy()

    def _mark_known(self, box: Box) -> None:
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
