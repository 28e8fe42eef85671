"""An animation as it is stored: the frames with their rectangles, disposal, blending and durations."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from shared.pipeline.sizes import Size

#: Left, upper, right and lower edge in pixels of the canvas. The right and lower edges are not included.
Box = tuple[int, int, int, int]
#: A buffer with a part of a file.
Part = bytes | memoryview

#: Browsers show a frame for this long if its stored duration is at most ``SHORTEST_PLAYED``.
DEFAULT_DURATION: Final = 100
#: Milliseconds. Chromium, Firefox and Safari do not play a frame for 10 ms or less.
SHORTEST_PLAYED: Final = 10

FRAMES_IGNORED: Final = "The animation is damaged. Frames after the damage were ignored."
CONTROL_IGNORED: Final = "The animation data is damaged. Only the still image was processed."


class Disposal(Enum):
    """What happens to the rectangle of a frame before the next frame is drawn."""

    KEEP = auto()
    #: The rectangle becomes transparent.
    CLEAR = auto()
    #: The rectangle gets the pixels back that it had before the frame.
    RESTORE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """One frame of an animation. Its pixels are not decoded yet."""

    #: Position on the canvas. It can be empty, and for a GIF, it can exceed the canvas.
    box: Box
    #: As browsers play it.
    milliseconds: float
    disposal: Disposal = Disposal.KEEP
    #: True if the frame is drawn over the canvas. False if it replaces the pixels, including their transparency.
    blends: bool = True
    #: The parts of a file that contains only this frame. There are none if the frame is damaged.
    parts: tuple[Part, ...] = ()

    @property
    def size(self) -> Size:
        """Return width and height in pixels."""
        left, upper, right, lower = self.box
        return right - left, lower - upper

    @property
    def is_empty(self) -> bool:
        """Return True if the frame has no pixels."""
        return 0 in self.size

    def read(self) -> bytes:
        """Return a file that contains only this frame."""
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnimation:
    """The frames of a file: of an animation, or of a GIF with one frame."""

    #: Width and height of the canvas in pixels.
    size: Size
    #: At least one frame.
    frames: tuple[StoredFrame, ...]
    #: How many times the animation plays; 0 means forever.
    plays: int
    #: About damaged blocks that were ignored.
    warnings: tuple[str, ...] = ()


def compute_played_duration(milliseconds: float) -> float:
    """Return how long browsers show a frame with this stored duration."""
    return milliseconds if milliseconds > SHORTEST_PLAYED else DEFAULT_DURATION


def list_unique(warnings: Iterable[str]) -> tuple[str, ...]:
    """Return the warnings in order, each once."""
    return tuple(dict.fromkeys(warnings))
