"""Limits of images. The values in the header are checked before the image is decoded."""

from dataclasses import dataclass, fields
from typing import Final

from shared.errors import SideTooLong, TooManyBytes, TooManyFrames, TooManyPixels, TooManyTotalPixels, UnsupportedFlavor
from shared.pipeline.image_formats import HEIC, ImageFormat
from shared.pipeline.operations.parameters import MAX_SIDE

#: Why HEIC is not accepted, and the remedy.
HEIF_IS_OFF: Final = (
    "HEIC and HEIF files are turned off in this deployment. Convert the image to JPEG, or set HeifInput to on."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a raw image and of each step of its pipeline."""

    max_bytes: int
    max_pixels: int
    #: Pixels.
    max_side: int
    #: Maximum number of frames if an output is animated. If only the first frame is used, there is no limit.
    max_frames: int = 100
    #: Maximum number of pixels in all frames of an animation together.
    max_total_pixels: int = 50_000_000
    #: Whether HEIC and HEIF files are accepted.
    heif: bool = True

    def accepts(self, image_format: ImageFormat) -> bool:
        """Return True if images of a format are processed."""
        return self.heif or image_format is not HEIC

    def check_format(self, image_format: ImageFormat) -> None:
        """Raise UnsupportedFlavor if images of a format are not processed."""
        if not self.accepts(image_format):
            raise UnsupportedFlavor(HEIF_IS_OFF)

    def check_bytes(self, count: int) -> None:
        """Raise TooManyBytes if the file exceeds the limit."""
        if count > self.max_bytes:
            raise TooManyBytes(f"The image file has {count:,} bytes; {self.max_bytes:,} are allowed.")

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise SideTooLong or TooManyPixels if the image exceeds a limit. Even a tiny file can declare a huge size."""
        width, height = size
        if max(size) > self.max_side:
            raise SideTooLong(f"The image measures {width} × {height} pixels; {self.max_side:,} per side are allowed.")
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"The image has {width} × {height} = {width * height:,} pixels; {self.max_pixels:,} are allowed.",
            )

    def check_frames(self, count: int, size: tuple[int, int]) -> None:
        """Raise TooManyFrames or TooManyTotalPixels if the animation exceeds a limit.

        Each frame counts with the size of the canvas, because a frame of a few bytes can cover all of it.
        """
        width, height = size
        if count > self.max_frames:
            raise TooManyFrames(f"The animation has more than {self.max_frames:,} frames.")
        if count * width * height > self.max_total_pixels:
            raise TooManyTotalPixels(
                f"The animation has {count} frames of {width} × {height} pixels, {count * width * height:,} in total;"
                f" {self.max_total_pixels:,} are allowed.",
            )


#: Names of the limits that are numbers. Receipts store them.
NUMERIC_LIMITS: Final = tuple(each.name for each in fields(Limits) if each.name != "heif")


def check_result_size(size: tuple[int, int]) -> None:
    """Raise SideTooLong if a side of a result is longer than ``MAX_SIDE``."""
    if max(size) > MAX_SIDE:
        raise SideTooLong(
            f"The result would measure {size[0]} × {size[1]} pixels; {MAX_SIDE:,} per side are allowed.",
        )
