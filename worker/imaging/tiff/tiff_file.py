"""Opening of a TIFF: the header, the choice of the decoder, and metadata."""

import zlib
from dataclasses import replace
from functools import partial
from typing import Any, Final

from PIL import Image

from shared.errors import CorruptImage, ImageError, SafelightError, TruncatedImage, UnsupportedFlavor
from shared.pipeline.image_formats import TIFF
from worker.imaging.color.profile_content import is_srgb_profile
from worker.imaging.lazy_image import LazyImage, Pixels
from worker.imaging.scaling import apply_orientation
from worker.imaging.stored_header import SIDEWAYS
from worker.imaging.tiff.container import Segment, decode_tiff, read_segments, write_tiff
from worker.imaging.tiff.decoder_errors import count_fax_errors
from worker.imaging.tiff.directory import Directory, Value, read_directory
from worker.imaging.tiff.fax_lines import has_damaged_lines
from worker.imaging.tiff.flavor import CCITT, Compression, Flavor, Photometric, Tag, read_flavor
from worker.imaging.tiff.flavor_decoder import can_be_deep, decode_flavor
from worker.imaging.tiff.rules import Decoder, choose_decoder

#: Tags that Pillow needs for the pixels, besides those of strips and tiles.
_PIXEL_TAGS: Final = (
    *(Tag.IMAGE_WIDTH, Tag.IMAGE_LENGTH, Tag.ROWS_PER_STRIP, Tag.TILE_WIDTH, Tag.TILE_LENGTH),
    *(Tag.GROUP_3_OPTIONS, Tag.GROUP_4_OPTIONS, Tag.JPEG_TABLES),
    *(Tag.YCBCR_COEFFICIENTS, Tag.YCBCR_SUBSAMPLING, Tag.YCBCR_POSITIONING, Tag.REFERENCE_BLACK_WHITE),
)
_ORIENTATIONS: Final = range(1, 9)
FAX_DAMAGED: Final = "Lines of the fax are damaged or missing. They may look wrong."
_SIZES_WRONG: Final = "The sizes of the strips or tiles in the TIFF are wrong and were ignored."


def open_tiff(data: bytes) -> Image.Image:
    """Read the first page's tags. The pixels are decoded when the image is loaded.

    Raises NotAnImage, TruncatedImage, CorruptImage or UnsupportedFlavor.
    """
    if data[8:10] == b"CR":
        raise UnsupportedFlavor("Camera raw files (Canon CR2) are not supported. Export the photo as JPEG or TIFF.")
    directory = read_directory(data, frozenset(Tag))
    if Tag.DNG_VERSION in directory.tags:
        raise UnsupportedFlavor("Camera raw files (DNG) are not supported. Export the photo as JPEG or TIFF.")
    try:
        flavor = read_flavor(directory)
        decoder = choose_decoder(flavor)
        segments = read_segments(data, directory, flavor)
    except CorruptImage as error:
        raise (TruncatedImage if directory.is_cut else CorruptImage) from error
    orientation = directory.get_number(Tag.ORIENTATION, 1)
    orientation = orientation if orientation in _ORIENTATIONS else 1
    width, height = flavor.size
    profile = directory.get_bytes(Tag.ICC_PROFILE)
    # The conversion from Lab to sRGB does not use the profile.
    is_lab = flavor.photometric in {Photometric.CIELAB, Photometric.ICCLAB}
    image = LazyImage(
        image_format=TIFF.name,
        mode=_find_mode(flavor),
        size=(height, width) if orientation in SIDEWAYS else (width, height),
        tile_size=flavor.tile or flavor.size,
        info={"icc_profile": profile} if profile and not is_lab else {},
        decode=partial(_decode, data, directory, flavor, decoder, segments, orientation),
        tags=_read_rights(directory),
    )
    image.is_animated = directory.has_next
    return image


def _find_mode(flavor: Flavor) -> str:
    """Return the mode of the decoded image, as far as the planner needs it."""
    if flavor.photometric == Photometric.CMYK:
        return "CMYK"
    return "RGBA" if flavor.alpha is not None else "RGB"


def _decode(  # noqa: PLR0913, PLR0917 - the facts of a header
    data: bytes, directory: Directory, flavor: Flavor, decoder: Decoder, segments: list[Segment], orientation: int
) -> Pixels:
    pixels = _decode_or_ignore_sizes(data, directory, flavor, decoder, segments)
    return Pixels(
        image=apply_orientation(pixels.image, orientation),
        alpha=apply_orientation(pixels.alpha, orientation) if pixels.alpha else None,
        warnings=pixels.warnings,
        low=apply_orientation(pixels.low, orientation) if pixels.low else None,
    )


def _decode_or_ignore_sizes(
    data: bytes, directory: Directory, flavor: Flavor, decoder: Decoder, segments: list[Segment]
) -> Pixels:
    """Decode the strips or tiles. If that fails, try again without the sizes that the file gives for them."""
    first: Pixels | ImageError
    try:
        first = _decode_segments(directory, flavor, decoder, segments)
    except (CorruptImage, TruncatedImage) as error:
        first = error
    if isinstance(first, ImageError) or FAX_DAMAGED in first.warnings:
        longer = read_segments(data, directory, flavor, ignore_sizes=True)
        if [len(each.content) for each in longer] != [len(each.content) for each in segments]:
            try:
                second = _decode_segments(directory, flavor, decoder, longer)
            except (CorruptImage, TruncatedImage):
                second = None
            if second and FAX_DAMAGED not in second.warnings:
                return replace(second, warnings=(*second.warnings, _SIZES_WRONG))
    if isinstance(first, ImageError):
        raise first
    return first


def _decode_segments(directory: Directory, flavor: Flavor, decoder: Decoder, segments: list[Segment]) -> Pixels:
    deep = can_be_deep(flavor) and _needs_conversion(directory)
    if decoder is Decoder.OWN or deep:
        return decode_flavor(flavor, segments, _read_color_map(directory, flavor), deep=deep)
    with count_fax_errors() as count:
        image = _decode_with_pillow(directory, flavor, segments)
        is_damaged = count() > 0
    if flavor.compression in CCITT:
        is_damaged |= any(segment.is_cut for segment in segments) or _has_damaged_lines(
            directory, flavor, segments, image
        )
    return Pixels(image=image, warnings=(FAX_DAMAGED,) if is_damaged else ())


def _needs_conversion(directory: Directory) -> bool:
    """Return True if the file has a color profile that is not sRGB."""
    profile = directory.get_bytes(Tag.ICC_PROFILE)
    return profile is not None and not is_srgb_profile(profile)


def _has_damaged_lines(directory: Directory, flavor: Flavor, segments: list[Segment], image: Image.Image) -> bool:
    """Return True if lines of one-dimensional Group 3 fax are damaged. Other kinds of fax are not checked here."""
    if flavor.compression != Compression.CCITT_GROUP_3 or directory.get_number(Tag.GROUP_3_OPTIONS, 0) & 1:
        return False
    strips = [segment.content for segment in segments]
    return has_damaged_lines(image, strips, white_is_zero=flavor.photometric == Photometric.WHITE_IS_ZERO)


def _decode_with_pillow(directory: Directory, flavor: Flavor, segments: list[Segment]) -> Image.Image:
    """Give Pillow a file with only the tags that the pixels need, in their normal form."""
    tags: dict[int, Value] = {tag: directory.tags[tag] for tag in _PIXEL_TAGS if tag in directory.tags}
    tags |= {
        Tag.BITS_PER_SAMPLE: (flavor.bits,) * flavor.samples,
        Tag.COMPRESSION: (flavor.compression,),
        Tag.PHOTOMETRIC: (flavor.photometric,),
        Tag.SAMPLES_PER_PIXEL: (flavor.samples,),
    }
    if flavor.predictor > 1:
        tags[Tag.PREDICTOR] = (flavor.predictor,)
    if flavor.extra_samples:
        tags[Tag.EXTRA_SAMPLES] = flavor.extra_samples
    if flavor.photometric == Photometric.PALETTE:
        tags[Tag.COLOR_MAP] = _read_color_map(directory, flavor)
    if flavor.tile is None:
        tags = {tag: value for tag, value in tags.items() if tag not in {Tag.TILE_WIDTH, Tag.TILE_LENGTH}}
        tags[Tag.ROWS_PER_STRIP] = (flavor.rows_per_strip,)
    if not _is_usable(tags.get(Tag.YCBCR_COEFFICIENTS)):
        del tags[Tag.YCBCR_COEFFICIENTS]
    contents: list[bytes | memoryview] = [segment.content for segment in segments]
    if flavor.photometric == Photometric.YCBCR and flavor.compression == Compression.NONE:
        # Pillow interprets subsampled colors only in compressed files. Level 0 stores the bytes as they are.
        tags[Tag.COMPRESSION] = (Compression.ADOBE_DEFLATE,)
        contents = [zlib.compress(content, 0) for content in contents]
    try:
        return decode_tiff(write_tiff(tags, contents, flavor.order, tiles=flavor.tile is not None))
    except (SafelightError, MemoryError):
        raise
    except Exception as error:
        raise (TruncatedImage if any(segment.is_cut for segment in segments) else CorruptImage) from error


def _is_usable(coefficients: Value | None) -> bool:
    """Return False for luma coefficients that are no fractions. libtiff refuses a file with such coefficients."""
    return coefficients is None or all(isinstance(each, float) and 0 < each < 1 for each in coefficients)


def _read_color_map(directory: Directory, flavor: Flavor) -> tuple[int, ...]:
    """Return the palette with values of 16 bits. Some programs write values of 8 bits. Missing values are 0."""
    if flavor.photometric != Photometric.PALETTE:
        return ()
    values = directory.get_numbers(Tag.COLOR_MAP)
    if not values:
        raise CorruptImage
    entries = 3 << flavor.bits
    scale = 257 if max(values) < 256 else 1
    return tuple(value * scale & 0xFFFF for value in (*values, *(0,) * entries)[:entries])


def _read_rights(directory: Directory) -> dict[int, Any]:
    """Return artist and copyright."""
    texts = {tag: directory.get_bytes(tag) for tag in (Tag.ARTIST, Tag.COPYRIGHT)}
    return {int(tag): text.rstrip(b"\0").decode("latin-1") for tag, text in texts.items() if text}
