"""What an image may cost, decided from its header before a pixel is decoded."""

from dataclasses import dataclass

from shared.errors import SideTooLong, TooManyBytes, TooManyFrames, TooManyPixels, TooManyTotalPixels
from shared.pipeline.operations.parameters import MAX_SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one raw image and of what is made from it."""

    max_bytes: int
    max_pixels: int
    #: Pixels.
    max_side: int
    #: Of an animation that is kept as one; its first frame alone needs no count.
    max_frames: int = 100
    #: Of all frames of an animation together.
    max_total_pixels: int = 50_000_000

    def check_bytes(self, count: int) -> None:
        """Raise TooManyBytes."""
        if count > self.max_bytes:
            raise TooManyBytes(f"The image file has {count:,} bytes; {self.max_bytes:,} are allowed.")

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise SideTooLong or TooManyPixels. A 34-byte file can claim any size, so bytes tell nothing."""
        width, height = size
        if max(size) > self.max_side:
            raise SideTooLong(f"The image measures {width} × {height} pixels; {self.max_side:,} a side are allowed.")
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"The image has {width} × {height} = {width * height:,} pixels; {self.max_pixels:,} are allowed.",
            )

    def check_frames(self, count: int, size: tuple[int, int]) -> None:
        """Raise TooManyFrames or TooManyTotalPixels. Each frame may be a few bytes that repaint all of the canvas."""
        width, height = size
        if count > self.max_frames:
            raise TooManyFrames(f"The animation has more than {self.max_frames:,} frames.")
        if count * width * height > self.max_total_pixels:
            raise TooManyTotalPixels(
                f"The animation has {count} frames of {width} × {height} pixels, {count * width * height:,} altogether;"
                f" {self.max_total_pixels:,} are allowed.",
            )


def check_result_size(size: tuple[int, int]) -> None:
    """Raise SideTooLong for a result that is larger than any operation may ask for, whatever the raw image was."""
    if max(size) > MAX_SIDE:
        raise SideTooLong(
            f"The result would measure {size[0]} × {size[1]} pixels; {MAX_SIDE:,} a side are allowed.",
        )
