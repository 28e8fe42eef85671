"""Decoding: detect the format, check the header, load the pixels, apply the orientation, convert to sRGB.

Every decoded image has mode L, LA, RGB or RGBA, 8 bits per channel and no metadata. Operations rely on this.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from shared.errors import (
    CorruptImage,
    ImageError,
    NotAnImage,
    SafelightError,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFlavor,
)
from shared.pipeline.image_formats import (
    AVIF,
    BMP,
    HEIC,
    INPUT_FORMATS,
    PNG,
    TIFF,
    ImageFormat,
    detect_format,
    find_unsupported_image,
    list_labels,
)
from shared.pipeline.image_header import read_image_header
from shared.pipeline.limits import Limits
from worker.imaging.animation.compositor import compose_frames
from worker.imaging.bmp import open_bmp
from worker.imaging.color.description import ColorDescription
from worker.imaging.color.png_depth import load_low_bytes
from worker.imaging.color.png_palette import complete_palette
from worker.imaging.color.png_transparency import scale_transparent_color
from worker.imaging.colors import normalize_colors
from worker.imaging.containers import FileContents, FileDamaged, make_whole_contents, read_contents
from worker.imaging.containers.animation import (
    CONTROL_IGNORED,
    FRAMES_IGNORED,
    StoredAnimation,
    StoredFrame,
    list_unique,
)
from worker.imaging.containers.jpeg_scans import skip_scans
from worker.imaging.exif import Exif, read_exif
from worker.imaging.facts.reduction import is_ycc, reduce_for_facts
from worker.imaging.frames import count_frames, count_plays, read_frames
from worker.imaging.heif import plugin as _plugin  # noqa: F401 - registers the format HEIC
from worker.imaging.heif.checks import check_heif
from worker.imaging.lazy_image import LazyImage
from worker.imaging.planner import FULL_DECODE, Decoding
from worker.imaging.repair import load_pixels
from worker.imaging.repair.primary_image import is_identity, rebuild_primary_image
from worker.imaging.scaling import apply_orientation
from worker.imaging.stored_header import StoredHeader, get_tile_size, read_stored_header
from worker.imaging.tiff import open_tiff
from worker.imaging.truncation import is_truncated

#: Functions that open a file of a format for which Pillow's own decoder is not used.
_OWN_DECODERS: Final[Mapping[ImageFormat | None, Callable[[bytes], Image.Image]]] = {
    BMP: open_bmp,
    TIFF: open_tiff,
}
_OTHER_PARTS_DAMAGED: Final = (
    "Parts of the file besides the image, such as EXIF or a gain map, are damaged and were ignored."
)
FORMATS: Final = tuple(image_format.name for image_format in INPUT_FORMATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An opened image file: its header and metadata. The pixels are not decoded yet."""

    data: bytes
    #: Of an animation whose frames we compose: the still image of a PNG, or the first frame.
    file: Image.Image
    #: The frames that we compose. None for a still image, and for an animation whose frames Pillow reads.
    animation: StoredAnimation | None
    limits: Limits
    header: StoredHeader
    #: True if the file can hold transparent pixels.
    has_alpha: bool
    color: ColorDescription
    exif: Exif
    #: About parts of the file that were ignored.
    warnings: tuple[str, ...]
    #: Number of frames or pages. Counting can stop at one more than the allowed number of frames.
    frames: int
    #: How many times an animation plays; 0 means forever.
    plays: int

    @property
    def is_animation(self) -> bool:
        """Return True if the file has several frames. Pages of a TIFF are not frames."""
        return self.frames > 1 and self.header.format != TIFF.name


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedImage:
    """The decoded first frame of a file, and the warnings from decoding it."""

    image: Image.Image
    warnings: tuple[str, ...]
    #: A small copy in color, in the orientation of ``image``, if ``image`` has only the luma.
    colored: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class Animation:
    """An animation. Each frame is decoded when the iterator reaches it."""

    #: Each image with its duration in milliseconds. The image is None if it can't be shown because of damage.
    frames: Iterator[tuple[Image.Image | None, float]]
    #: How many times the animation plays; 0 means forever.
    plays: int


def open_image(data: bytes, limits: Limits) -> ImageFile:
    """Read the header of an image file and check it against the limits, before any pixel is decoded.

    Raises NotAnImage, TruncatedImage or CorruptImage if the file can't be read, and the errors of ``Limits`` if it
    exceeds a limit.
    """
    limits.check_bytes(len(data))
    with _open_checked(data, limits) as (image, contents):
        animation = contents.animation
        frames = len(animation.frames) if animation else count_frames(image)
        exif = read_exif(image, contents.exif)
        color = contents.color or ColorDescription(profile=image.info.get("icc_profile"))
        header = read_stored_header(image, color=color, orientation=exif.orientation, is_still=frames == 1)
        has_alpha = not header.is_opaque
        if animation:
            limits.check_size(animation.size)
            header = replace(header, stored_size=animation.size, is_opaque=False, is_still=False)
        plays = animation.plays if animation else count_plays(image)
    return ImageFile(
        data=data,
        file=image,
        animation=animation,
        limits=limits,
        header=header,
        has_alpha=has_alpha,
        color=color,
        exif=exif,
        warnings=(*contents.warnings, *exif.warnings),
        frames=frames,
        plays=plays,
    )


def decode(source: ImageFile, decoding: Decoding = FULL_DECODE) -> DecodedImage:
    """Decode the still image, or the first frame that can be shown.

    Raises TruncatedImage or CorruptImage if the file is damaged.
    """
    warnings = list(source.warnings)
    composed = source.animation and _compose_first(source, warnings)
    if composed:
        return DecodedImage(image=composed, warnings=list_unique(warnings))
    with _translate_decoder_errors(source.data):
        low = None if source.header.is_srgb else load_low_bytes(source.file, source.data)
        image, warning = load_pixels(source.file, source.data, partial(_prepare, source=source, decoding=decoding))
        warnings += [warning] if warning else []
        if isinstance(source.file, LazyImage):
            low = source.file.low
        if source.animation and source.header.format != PNG.name:
            raise CorruptImage
        colored = None
        if decoding.luma_only and image.mode == "YCbCr":
            colored, image = reduce_for_facts(image).convert("RGB"), image.getchannel("Y")
            colored = apply_orientation(colored, source.header.orientation if decoding.apply_orientation else 1)
        if decoding.apply_orientation:
            image = apply_orientation(image, source.header.orientation)
            low = apply_orientation(low, source.header.orientation) if low else None
        plain, warning = normalize_colors(image, source.color, low)
    warnings += [warning] if warning else []
    if isinstance(source.file, LazyImage):
        plain = source.file.restore_alpha(plain)
        warnings += source.file.warnings
    plain.info = {}
    if source.animation:
        warnings = [CONTROL_IGNORED, *(each for each in warnings if each != FRAMES_IGNORED)]
    if source.header.format == TIFF.name and source.frames > 1:
        warnings.append("Only the first page of the file was processed.")
    return DecodedImage(image=plain, warnings=list_unique(warnings), colored=colored)


def _prepare(image: Image.Image, source: ImageFile, decoding: Decoding) -> None:
    """Make Pillow decode only what is needed. ``image`` is the source's file, or a repaired copy of it."""
    _set_draft(image, decoding)
    if image is source.file:
        _skip_scans(source, decoding)


def _set_draft(image: Image.Image, decoding: Decoding) -> None:
    """Make Pillow decode a JPEG at a smaller size, or only its luma. Call this before the image is loaded.

    Without the conversion to RGB, the luma that is decoded with the colors is the same as the luma alone.
    """
    if decoding.luma_only or decoding.shrink > 1:
        width, height = image.size
        luma = "YCbCr" if decoding.keep_colors and is_ycc(image) else "L"
        mode = luma if decoding.luma_only else image.mode
        image.draft(mode, (width // decoding.shrink, height // decoding.shrink))


def _skip_scans(source: ImageFile, decoding: Decoding) -> None:
    """Let Pillow read only the needed scans of a progressive JPEG. Call this before the image is loaded."""
    if not (decoding.luma_only or decoding.skip_refinements) or not isinstance(source.file, JpegImageFile):
        return
    pixels = read_contents(source.data).pixels
    rest = skip_scans(source.data, pixels, chroma=decoding.luma_only, refinements=decoding.skip_refinements)
    if rest:
        source.file.fp = FileContents(pixels=rest).open()


def decode_animation(source: ImageFile, warnings: list[str]) -> Animation:
    """Return the frames of an animation without decoding them yet. The iterator appends warnings.

    Raises TooManyFrames or TooManyTotalPixels if the animation exceeds a limit.
    """
    source.limits.check_frames(source.frames, source.header.stored_size)
    return Animation(_compose(source, warnings) if source.animation else _read_frames(source), source.plays)


def _compose_first(source: ImageFile, warnings: list[str]) -> Image.Image | None:
    """Return the first frame that can be shown, or None."""
    return next((image for image, _ in _compose(source, warnings) if image), None)


def _compose(source: ImageFile, warnings: list[str]) -> Iterator[tuple[Image.Image | None, float]]:
    """Compose the frames, and rotate them upright. Append warnings about their colors."""
    animation = source.animation
    assert animation  # noqa: S101 - callers check this

    def decode_frame(frame: StoredFrame) -> Image.Image | None:
        data = frame.read()
        try:
            with _open_checked(data, source.limits) as (opened, _):
                image, warning = load_pixels(opened, data)
                warnings.extend([warning] if warning else [])
                plain, _ = normalize_colors(image, ColorDescription())
        except ImageError:
            return None
        plain.info = {}  # An encoder would write what the frame's file says about plays or transparency.
        return plain if plain.size == frame.size else None

    for frame, canvas in zip(animation.frames, compose_frames(animation, decode_frame), strict=True):
        if canvas is None:
            yield None, frame.milliseconds
            continue
        upright = apply_orientation(canvas, source.header.orientation)
        # As in Chromium, frames are blended before their colors are converted.
        image, warning = normalize_colors(upright, source.color)
        warnings.extend([warning] if warning else [])
        yield image, frame.milliseconds


def _read_frames(source: ImageFile) -> Iterator[tuple[Image.Image | None, float]]:
    """Read the frames with Pillow. After a damaged frame, no frame can be shown."""
    try:
        with _open_checked(source.data, source.limits) as (image, _):
            yield from read_frames(image, source.frames, source.header.orientation, source.color)
    except ImageError:
        yield None, 0


@contextmanager
def _open_checked(data: bytes, limits: Limits) -> Iterator[tuple[Image.Image, FileContents]]:
    """Open a file and check its size. Translate the decoder errors that are raised in the context."""
    with _translate_decoder_errors(data):
        contents = read_contents(data, limits.max_frames + 1)
        image, contents = _open(data, contents, limits)
        limits.check_size(image.size)
        limits.check_size(get_tile_size(image))
        scale_transparent_color(image)
        complete_palette(image)
        yield image, contents


def _open(data: bytes, contents: FileContents, limits: Limits) -> tuple[Image.Image, FileContents]:
    """Open a file. Return what is known of its contents afterwards."""
    image_format = detect_format(data)
    open_own = _OWN_DECODERS.get(image_format)
    if open_own:
        return open_own(data), contents
    if image_format in {AVIF, HEIC}:
        return _open_heif(data, contents, limits)
    return _open_with_pillow(data, contents, limits), contents


def _open_heif(data: bytes, contents: FileContents, limits: Limits) -> tuple[Image.Image, FileContents]:
    """Open an AVIF or HEIF file. If its decoder refuses it, open a copy with only the items of the primary image."""
    if is_identity(data) and (rebuilt := rebuild_primary_image(data)):
        return _open_with_pillow(rebuilt, make_whole_contents(rebuilt), limits), contents
    try:
        return _open_with_pillow(data, contents, limits), contents
    except (MemoryError, ImageError):
        raise
    except Exception:
        if (rebuilt := rebuild_primary_image(data)) is None:
            raise
        copy = replace(make_whole_contents(rebuilt), is_recognized=True)
        image = _open_with_pillow(rebuilt, copy, limits)
        return image, replace(contents, warnings=(*contents.warnings, _OTHER_PARTS_DAMAGED))


def _open_with_pillow(data: bytes, contents: FileContents, limits: Limits) -> Image.Image:
    try:
        if HEIC.matches(data):
            check_heif(data, limits)
        formats = (HEIC.name,) if HEIC.matches(data) else FORMATS
        return Image.open(contents.open(), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # Pillow's error does not contain the size. Raise the error that a plan reports.
        if header := read_image_header(data):
            limits.check_size((header.width, header.height))
        raise
    except UnidentifiedImageError as error:
        if contents.is_recognized:
            raise FileDamaged from error
        raise


@contextmanager
def _translate_decoder_errors(data: bytes) -> Iterator[None]:
    """Translate every decoder error to an ImageError, except MemoryError, which can have another cause than the image.

    Pillow's decoders raise OSError, ValueError, SyntaxError, IndexError, TypeError, RuntimeError and more for invalid
    data, so a list of types would be incomplete. Only decoding runs in this context.
    """
    try:
        yield
    except (SafelightError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels from error
    except UnidentifiedImageError as error:
        if name := find_unsupported_image(data):
            supported = list_labels(INPUT_FORMATS)
            raise UnsupportedFlavor(f"The file is {name}. Convert it to one of {supported}.") from error
        raise NotAnImage from error
    except Exception as error:
        raise (TruncatedImage if is_truncated(data) else CorruptImage) from error
