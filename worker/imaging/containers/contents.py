"""The result of reading the structure of a file."""

from dataclasses import dataclass
from typing import IO, cast

from worker.imaging.color.description import ColorDescription
from worker.imaging.containers.animation import StoredAnimation
from worker.imaging.containers.slices import SlicedFile, Slices


class FileDamaged(ValueError):
    """The structure of the file is damaged, so the pixels can't be decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContents:
    """The parts of a file."""

    #: What Pillow reads. Of an animation, this is the still image of a PNG, or the first frame.
    pixels: Slices
    #: None for a still image, and for formats whose frames Pillow reads.
    animation: StoredAnimation | None = None
    #: None if Pillow reads the ICC profile.
    color: ColorDescription | None = None
    #: EXIF as a TIFF structure, without the prefix ``Exif\\0\\0``; it can be damaged.
    exif: bytes | None = None
    #: True if the structure of the file is known to be right, so that the decoder's error is about its pixels.
    is_recognized: bool = False
    #: About parts that were ignored.
    warnings: tuple[str, ...] = ()

    def open(self) -> IO[bytes]:
        """Return a file object that Pillow can read."""
        return cast("IO[bytes]", SlicedFile(self.pixels))
