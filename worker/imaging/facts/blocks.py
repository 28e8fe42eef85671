"""Where the metadata of a file is: EXIF, XMP and IPTC blocks, and whether there is a C2PA manifest.

Only structures are read here. Each reader is bounded: by the number of parts of the file that it looks at, and by the
size of a block.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from shared.pipeline import jpeg_segments, png_chunks
from shared.pipeline.exif_orientation import EXIF_PREFIX
from worker.imaging.facts import iptc
from worker.imaging.facts.exif_tags import read_main_tags
from worker.imaging.facts.media_metadata import read_media_metadata
from worker.imaging.facts.png_metadata import iterate_metadata

#: Larger blocks are ignored.
MAX_BLOCK: Final = 1024 * 1024
_MAX_PARTS: Final = 5000

_APP1, _APP11, _APP13 = 0xE1, 0xEB, 0xED
_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
#: TIFF tags: XMP, IPTC-IIM, Photoshop image resources, C2PA.
_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG, _C2PA_TAG = 0x02BC, 0x83BB, 0x8649, 0xCD41
#: Application extensions of a GIF.
_GIF_XMP, _GIF_C2PA = b"!\xff\x0bXMP DataXMP", b"!\xff\x0bC2PA_GIF"
#: What follows XMP in a GIF: the bytes 255 to 0, so that a reader of sub-blocks finds the end.
_GIF_TRAILER: Final = b"\x01\xff\xfe\xfd"
#: How many first bytes of a JUMBF box contain its type.
_JUMBF_HEAD: Final = 64


@dataclass(frozen=True, slots=True)
class MetadataBlocks:
    """The metadata of a file. A block can be damaged."""

    #: A TIFF structure, with or without the prefix ``Exif\\0\\0``.
    exif: bytes | None = None
    xmp: bytes | None = None
    #: IPTC-IIM data sets.
    iptc: bytes | None = None
    has_c2pa: bool = False


def find_blocks(data: bytes) -> MetadataBlocks:
    """Return the metadata blocks of an image file. A file whose structure is damaged has those before the damage."""
    return next((read(data) for matches, read in _READERS if matches(data)), MetadataBlocks())


def _read_jpeg(data: bytes) -> MetadataBlocks:
    exif: list[bytes] = []
    resources: list[bytes] = []
    found = MetadataBlocks()
    for segment in islice(jpeg_segments.iterate_segments(data), _MAX_PARTS):
        if segment.marker == _APP1 and segment.starts_with(data, EXIF_PREFIX):
            exif.append(data[segment.start + len(EXIF_PREFIX) + 1 : segment.end])
        elif segment.marker == _APP1 and segment.starts_with(data, _JPEG_XMP) and found.xmp is None:
            found = replace(found, xmp=data[segment.start + len(_JPEG_XMP) : segment.end])
        elif segment.marker == _APP13 and segment.starts_with(data, _PHOTOSHOP):
            resources.append(data[segment.start + len(_PHOTOSHOP) : segment.end])
        elif (
            segment.marker == _APP11 and b"c2pa" in data[segment.start : min(segment.end, segment.start + _JUMBF_HEAD)]
        ):
            found = replace(found, has_c2pa=True)
    return replace(found, exif=_join(exif), iptc=iptc.find_iptc(_join(resources) or b""))


def _join(parts: list[bytes]) -> bytes | None:
    """Join the parts of a block that is longer than a segment. Return None if there is none, or it is too long."""
    return b"".join(parts) if parts and sum(map(len, parts)) <= MAX_BLOCK else None


def _read_png(data: bytes) -> MetadataBlocks:
    found: dict[str, bytes] = {}
    for kind, content in iterate_metadata(data, MAX_BLOCK):
        found.setdefault(kind, content)
    resources = found.get("photoshop", b"")
    return MetadataBlocks(
        exif=found.get("exif"),
        xmp=found.get("xmp"),
        iptc=iptc.find_iptc(resources) or resources or None,
        has_c2pa="c2pa" in found,
    )


def _read_webp(data: bytes) -> MetadataBlocks:
    chunks = dict(_iterate_riff(data))
    return MetadataBlocks(exif=chunks.get(b"EXIF"), xmp=chunks.get(b"XMP "), has_c2pa=b"C2PA" in chunks)


def _iterate_riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the metadata chunks of a WebP file."""
    place = 12
    for _ in range(_MAX_PARTS):
        if place + 8 > len(data):
            return
        kind, size = struct.unpack_from("<4sI", data, place)
        if kind in {b"EXIF", b"XMP ", b"C2PA"}:
            yield kind, data[place + 8 : place + 8 + min(size, MAX_BLOCK)]
        place += 8 + size + size % 2


def _read_tiff(data: bytes) -> MetadataBlocks:
    tags, _ = read_main_tags(data, {_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG, _C2PA_TAG})
    blocks = {tag: value for tag, value in tags.items() if isinstance(value, bytes)}
    return MetadataBlocks(
        exif=data,
        xmp=blocks.get(_XMP_TAG),
        iptc=blocks.get(_IPTC_TAG) or iptc.find_iptc(blocks.get(_PHOTOSHOP_TAG, b"")),
        has_c2pa=_C2PA_TAG in tags,
    )


def _read_gif(data: bytes) -> MetadataBlocks:
    start = data.find(_GIF_XMP)
    if start < 0:
        return MetadataBlocks(has_c2pa=_GIF_C2PA in data)
    start += len(_GIF_XMP)
    end = data.find(_GIF_TRAILER, start, start + MAX_BLOCK)
    return MetadataBlocks(xmp=data[start:end] if end > 0 else None, has_c2pa=_GIF_C2PA in data)


def _read_media(data: bytes) -> MetadataBlocks:
    media = read_media_metadata(data, MAX_BLOCK)
    return MetadataBlocks(exif=media.exif, xmp=media.xmp, has_c2pa=media.has_c2pa)


#: Readers by format, with the function that recognizes it.
_READERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], MetadataBlocks]], ...]] = (
    (lambda data: data.startswith(jpeg_segments.SIGNATURE), _read_jpeg),
    (lambda data: data.startswith(png_chunks.SIGNATURE), _read_png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _read_webp),
    (lambda data: data[:4] in {b"II*\0", b"MM\0*"}, _read_tiff),
    (lambda data: data.startswith(b"GIF8"), _read_gif),
    (lambda data: data[4:8] == b"ftyp", _read_media),
)
