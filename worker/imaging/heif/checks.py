"""Checks of a HEIF file's header before libheif sees the file."""

from collections.abc import Iterable
from typing import Final

from shared.errors import TooManyPixels, UnsupportedFlavor
from shared.pipeline.heif_header import HeifHeader, MediaItem, read_heif_header
from shared.pipeline.image_formats import HEIC
from shared.pipeline.limits import Limits

#: Types of items that consist of other items.
_DERIVED: Final = (b"grid", b"iden", b"iovl")
_HEVC: Final = b"hvc1"
_CODECS: Final = {
    b"avc1": "AVC (H.264)",
    b"av01": "AV1",
    b"evc1": "EVC",
    b"j2k1": "JPEG 2000",
    b"jpeg": "JPEG",
    b"lhv1": "layered HEVC",
    b"tmap": "a tone map",
    b"unci": "uncompressed pixels",
    b"vvc1": "VVC (H.266)",
}
#: The tiles of a grid may together cover this many times the pixels that an image may have. Tiles overlap the edges of
#: the image, and a file can name the same tile thousands of times.
_COVERAGE: Final = 2


def check_heif(data: bytes, limits: Limits) -> HeifHeader | None:
    """Return the header of a HEIF file, or None if it can't be read. libheif reports the error in that case.

    Raises UnsupportedFlavor, TooManyPixels or SideTooLong.
    """
    limits.check_format(HEIC)
    header = read_heif_header(data)
    if header is None:
        return None
    items = [header.primary, *header.tiles, *([header.alpha] if header.alpha else [])]
    _check_codecs(items)
    for item in items:
        if item.size:
            limits.check_size(item.size)
    pixels = sum(tile.size[0] * tile.size[1] for tile in header.tiles if tile.size)
    if pixels > _COVERAGE * limits.max_pixels:
        raise TooManyPixels(
            f"The tiles of the image have {pixels:,} pixels in total; {_COVERAGE * limits.max_pixels:,} are allowed."
        )
    return header


def _check_codecs(items: Iterable[MediaItem]) -> None:
    for kind in (item.kind for item in items):
        if kind and kind not in {_HEVC, *_DERIVED}:
            name = _CODECS.get(kind) or f"the codec {kind.decode('ascii', 'replace')!a}"
            raise UnsupportedFlavor(f"The HEIF file contains {name}; only HEVC is supported. Save the image as JPEG.")
