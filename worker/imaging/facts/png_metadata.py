"""Metadata chunks of a PNG: eXIf, caBX, and texts with XMP or with the raw profiles that ImageMagick writes."""

import zlib
from binascii import Error as NotHexadecimal
from binascii import unhexlify
from collections.abc import Iterator
from itertools import islice
from typing import Final

from shared.pipeline.png_chunks import Chunk, iterate_chunks

#: Maximum number of chunks to look at, and of texts to read.
_MAX_CHUNKS: Final = 5000
_MAX_TEXTS: Final = 100
#: Maximum bytes of a text after decompression.
MAX_TEXT: Final = 256 * 1024
_MAX_KEYWORD: Final = 79
_XMP_KEYWORD: Final = b"XML:com.adobe.xmp"
_RAW_PROFILE: Final = b"Raw profile type "
#: Kinds of metadata by the name of a raw profile.
_PROFILES: Final = {b"exif": "exif", b"APP1": "exif", b"iptc": "photoshop", b"8bim": "photoshop", b"xmp": "xmp"}


def iterate_metadata(data: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield kind and content of each block: ``exif``, ``xmp``, ``photoshop`` or ``c2pa``. Skip damaged ones.

    ``photoshop`` is Photoshop image resources or bare IPTC-IIM. ``max_bytes`` limits the size of a chunk.
    """
    texts = 0
    for chunk in islice(iterate_chunks(data), _MAX_CHUNKS):
        if chunk.kind == b"caBX":
            yield "c2pa", b""
        elif chunk.kind not in {b"eXIf", b"iTXt", b"zTXt", b"tEXt"} or chunk.length > max_bytes:
            continue
        elif chunk.kind == b"eXIf":
            if chunk.is_intact(data):
                yield "exif", chunk.read(data)
        elif texts < _MAX_TEXTS and (found := _read_text(data, chunk)):
            texts += 1
            yield found


def _read_text(data: bytes, chunk: Chunk) -> tuple[str, bytes] | None:
    keyword = data[chunk.start : min(chunk.end, chunk.start + _MAX_KEYWORD + 1)].partition(b"\0")[0]
    is_xmp = keyword == _XMP_KEYWORD
    kind = "xmp" if is_xmp else _PROFILES.get(keyword.removeprefix(_RAW_PROFILE)) if _RAW_PROFILE in keyword else None
    if kind is None or not chunk.is_intact(data):
        return None
    content = chunk.read(data)[len(keyword) + 1 :]
    if chunk.kind == b"iTXt":
        # Compression flag and method, language, translated keyword.
        parts = content[2:].split(b"\0", 2)
        text = _inflate(parts[-1], is_compressed=content[:1] != b"\0") if len(parts) == 3 else None
    else:
        text = _inflate(content[chunk.kind == b"zTXt" :], is_compressed=chunk.kind == b"zTXt")
    if text is None:
        return None
    raw = text if is_xmp else _read_raw_profile(text)
    return None if raw is None else (kind, raw)


def _inflate(content: bytes, *, is_compressed: bool) -> bytes | None:
    if not is_compressed:
        return content[:MAX_TEXT]
    try:
        return zlib.decompressobj().decompress(content, MAX_TEXT)
    except zlib.error:
        return None


def _read_raw_profile(text: bytes) -> bytes | None:
    """Return the bytes of a raw profile: a name, a length and hexadecimal digits, on several lines.

    What follows the digits is ignored. libavif writes other bytes there.
    """
    lines = text.strip().split(b"\n", 2)
    if len(lines) != 3:
        return None
    try:
        return unhexlify(b"".join(lines[2].split())[: 2 * max(0, int(lines[1]))])
    except (NotHexadecimal, ValueError):
        return None
