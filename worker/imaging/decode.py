"""Bytes to image: detect, check the header, load, put upright, bring to sRGB.

What comes out has one of four modes (L, LA, RGB, RGBA), eight bits a channel, and no metadata, so
that an operation never meets anything else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, UnidentifiedImageError

from shared.errors import CorruptImage, NotAnImage, SafelightError, TooManyPixels, TruncatedImage
from shared.pipeline.image_formats import ACCEPTED, TIFF
from shared.pipeline.image_header import read_header as read_head
from shared.pipeline.limits import Limits
from worker.imaging.colors import to_plain
from worker.imaging.exif import Exif, read_exif
from worker.imaging.frames import count_frames, plays_of, read_frames
from worker.imaging.header import Header, read_header, tile_size
from worker.imaging.planner import IN_FULL, Decoding
from worker.imaging.png_transparency import scale_key
from worker.imaging.scaling import put_upright

FORMATS: Final = tuple(image_format.name for image_format in ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened file: what its header says, and no pixels yet."""

    data: bytes
    file: Image.Image
    header: Header
    exif: Exif
    #: How many frames or pages there are, as the header says, or more than the limit.
    frames: int
    #: How often an animation is shown; 0 is without end.
    plays: int

    @property
    def is_animation(self) -> bool:
        """Tell whether the file holds frames that follow each other; the pages of a TIFF do not."""
        return self.frames > 1 and self.header.format != TIFF.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The first frame of a file, decoded, and what is to be said of it."""

    image: Image.Image
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Animation:
    """The frames of a file, decoded one after the other when they are asked for, with their milliseconds."""

    frames: Iterator[tuple[Image.Image, int]]
    #: How often it is shown; 0 is without end.
    plays: int


def open_source(data: bytes, limits: Limits) -> Source:
    """Read the header of an image.

    Raises NotAnImage, TruncatedImage, CorruptImage, or what ``limits`` raise, the latter before any
    pixel is decoded.
    """
    with _opened(data, limits) as image:
        frames = count_frames(image, data, at_most=limits.max_frames + 1)
        exif = read_exif(image)
        header = read_header(image, orientation=exif.orientation, still=frames == 1)
        plays = plays_of(image)
    return Source(data=data, file=image, header=header, exif=exif, frames=frames, plays=plays)


def decode(source: Source, decoding: Decoding = IN_FULL) -> Picture:
    """Decode the first frame of an image. Raises TruncatedImage or CorruptImage."""
    with _translated(source.data):
        image = source.file
        _set_draft(image, decoding)
        image.load()
        profile = image.info.get("icc_profile")
        if decoding.upright:
            image = put_upright(image, source.header.orientation)
        plain, warning = to_plain(image, profile)
    plain.info = {}
    warnings = [*source.exif.warnings, *([warning] if warning else [])]
    if source.header.format == TIFF.name and source.frames > 1:
        warnings.append("Only the first page of the file was processed.")
    return Picture(image=plain, warnings=tuple(warnings))


def _set_draft(image: Image.Image, decoding: Decoding) -> None:
    """Have Pillow decode less than the file holds, before it has loaded anything."""
    if decoding.luma or decoding.shrink > 1:
        width, height = image.size
        image.draft("L" if decoding.luma else image.mode, (width // decoding.shrink, height // decoding.shrink))


def decode_animation(source: Source, limits: Limits) -> Animation:
    """Open all frames of an animation.

    Raises TooManyFrames or TooManyTotalPixels before a frame is decoded; the frames raise as ``decode`` does.
    """
    limits.check_frames(source.frames, source.header.stored_size)
    return Animation(_frames(source, limits), source.plays)


def _frames(source: Source, limits: Limits) -> Iterator[tuple[Image.Image, int]]:
    with _opened(source.data, limits) as image:
        yield from read_frames(image, source.frames, source.header.orientation)


@contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """Open a file that is within the limits; translate whatever its decoder raises inside."""
    limits.check_bytes(len(data))
    with _translated(data):
        image = _open(data, limits)
        limits.check_size(image.size)
        limits.check_size(tile_size(image))
        scale_key(image)
        yield image


def _open(data: bytes, limits: Limits) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # Pillow refuses without a size, and the sentence should be the one that a plan gives.
        if header := read_head(data):
            limits.check_size((header.width, header.height))
        raise


@contextmanager
def _translated(data: bytes) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError.

    Pillow's decoders raise OSError, ValueError, SyntaxError, IndexError, TypeError, RuntimeError and more
    for bad data, so that a list of types would be a guess. Nothing but decoding happens inside. Running
    out of memory says nothing about the image and passes.
    """
    try:
        yield
    except (SafelightError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels from error
    except UnidentifiedImageError as error:
        raise NotAnImage from error
    except Exception as error:
        raise (TruncatedImage if is_cut_off(data) else CorruptImage) from error


def is_cut_off(data: bytes) -> bool:
    """Tell whether a file lacks the end that its format demands.

    Asked only of data that would not decode: a cut file may still decode, and bytes after the end do no harm.
    """
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-1024:]
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-1024:]
    if data.startswith(b"GIF8"):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little") > len(data)
    return False
