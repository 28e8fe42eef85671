"""Readers of file structures: they find pixels and metadata in a file without decoding either.

Pillow gets only the parts that it needs for the pixels, so damaged or large metadata can't fail an image.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from shared.pipeline import jpeg_segments, png_chunks
from worker.imaging.color.description import ColorDescription
from worker.imaging.containers import gif
from worker.imaging.containers.animated_webp import is_animated_webp, read_animated_webp, read_webp_metadata
from worker.imaging.containers.animation import StoredAnimation
from worker.imaging.containers.apng import read_apng
from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.heif import is_heif, read_heif
from worker.imaging.containers.jpeg import read_jpeg
from worker.imaging.containers.png import read_png
from worker.imaging.containers.slices import Slices
from worker.imaging.containers.webp import is_webp, read_webp

#: A GIF of one transparent pixel, for Pillow if no frame of an animation has pixels.
_TRANSPARENT_PIXEL: Final = bytes.fromhex(
    "4749463839610100010080000000000000000021f90401000000002c00000000010001000002024401003b"
)
_NO_PIXELS: Final = "The file has no pixels, so the result is transparent."

__all__ = ["FileContents", "FileDamaged", "make_whole_contents", "read_contents"]


def read_contents(data: bytes, max_frames: int = 1) -> FileContents:
    """Return the parts of a file, of an animation at most ``max_frames`` frames.

    Raises NotAnImage or FileDamaged if the pixels can't be decoded.
    """
    if data.startswith(gif.SIGNATURES):
        return _open_first_frame(gif.read_gif(data, max_frames))
    if is_animated_webp(data) and (animation := read_animated_webp(data, max_frames)):
        profile, exif = read_webp_metadata(data)
        return replace(_open_first_frame(animation), color=ColorDescription(profile=profile), exif=exif)
    contents = next((read(data) for matches, read in _READERS if matches(data)), None)
    if contents is None:
        return make_whole_contents(data)
    if not data.startswith(png_chunks.SIGNATURE):
        return contents
    animation, warnings = read_apng(data, max_frames)
    return replace(contents, animation=animation, warnings=(*contents.warnings, *warnings))


def make_whole_contents(data: bytes) -> FileContents:
    """Return the contents of a file that Pillow reads as a whole."""
    return FileContents(pixels=_keep_whole(data))


def _open_first_frame(animation: StoredAnimation) -> FileContents:
    """Let Pillow read the first frame that has pixels. Raises FileDamaged if all frames are damaged.

    If all frames are empty, the image is transparent, as in browsers.
    """
    first = next((frame for frame in animation.frames if frame.parts and not frame.is_empty), None)
    if 0 in animation.size or not any(frame.parts for frame in animation.frames):
        raise FileDamaged("The animation has no frame with pixels.")
    if first is None:
        return FileContents(
            pixels=_keep_whole(_TRANSPARENT_PIXEL),
            animation=animation,
            is_recognized=True,
            warnings=(*animation.warnings, _NO_PIXELS),
        )
    is_still = len(animation.frames) == 1 and first.box == (0, 0, *animation.size)
    return FileContents(
        pixels=_keep_whole(first.read()),
        animation=None if is_still else animation,
        is_recognized=True,
        warnings=animation.warnings,
    )


def _keep_whole(data: bytes) -> Slices:
    whole = Slices(data)
    whole.add(0, len(data))
    return whole


#: Readers of still images, with the function that recognizes the format.
_READERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], FileContents]], ...]] = (
    (lambda data: data.startswith(png_chunks.SIGNATURE), read_png),
    (lambda data: data.startswith(jpeg_segments.SIGNATURE), read_jpeg),
    (is_webp, read_webp),
    (is_heif, read_heif),
)
