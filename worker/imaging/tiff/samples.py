"""Decompression to the samples of strips and tiles, without an interpretation of the samples."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from shared.errors import CorruptImage, SafelightError, TruncatedImage
from worker.imaging.tiff.container import Segment, compute_row_bytes, decode_tiff, get_segment_size, write_tiff
from worker.imaging.tiff.directory import Value
from worker.imaging.tiff.flavor import Compression, Flavor, Tag

#: Photometric and ExtraSamples of a TIFF with this number of 8-bit samples, for which Pillow keeps all of them.
_BYTE_SAMPLES: Final = {1: (1, ()), 2: (1, (2,)), 3: (2, ()), 4: (5, ())}
_ARRAY_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}


def read_samples(flavor: Flavor, segments: Sequence[Segment], height: int) -> bytes:
    """Return the samples of strips or tiles that follow each other, with ``height`` rows in total.

    The samples have the file's byte order, but see ``get_sample_order``. Each row is padded to a whole byte. Raises
    TruncatedImage or CorruptImage.
    """
    size = compute_row_bytes(flavor) * height
    if flavor.compression == Compression.NONE:
        content = b"".join(segment.content for segment in segments)
        if len(content) < size:
            raise TruncatedImage
        return content
    try:
        content = _decompress(flavor, segments, height)
    except (SafelightError, MemoryError):
        raise
    except Exception as error:
        raise (TruncatedImage if any(segment.is_cut for segment in segments) else CorruptImage) from error
    if len(content) < size:
        raise CorruptImage
    return content


def get_sample_order(flavor: Flavor) -> str:
    """Return the byte order of the result of ``read_samples``: big endian after a predictor of floating point."""
    return ">" if _get_predictor(flavor) == 3 else flavor.order


def _get_predictor(flavor: Flavor) -> int:
    """Return the predictor. Only some compressions have one."""
    with_predictor = (
        Compression.LZW,
        Compression.ADOBE_DEFLATE,
        Compression.DEFLATE,
        Compression.LZMA,
        Compression.ZSTD,
    )
    return flavor.predictor if flavor.compression in with_predictor else 1


def _decompress(flavor: Flavor, segments: Sequence[Segment], height: int) -> bytes:
    row = compute_row_bytes(flavor)
    samples = 1 if flavor.is_planar else flavor.samples
    predictor = _get_predictor(flavor)
    if predictor == 1:
        return _read_bytes(flavor, segments, (row, height), 1, predictor=1)
    if predictor == 2 and flavor.bits == 8 and samples in _BYTE_SAMPLES:
        return _read_bytes(flavor, segments, (row // samples, height), samples, predictor=2)
    if predictor == 2 and flavor.bits == 16 and samples == 1:
        return _read_bytes(flavor, segments, (row // 2, height), 1, predictor=2, bits=16)
    if predictor == 3:
        if samples in _BYTE_SAMPLES:  # the predictor differences bytes, with the distance of one pixel
            shuffled = _read_bytes(flavor, segments, (row // samples, height), samples, predictor=2)
        else:
            shuffled = _undo_differences(
                _read_bytes(flavor, segments, (row, height), 1, predictor=1), row, samples, 8, "<"
            )
        return _unshuffle(shuffled, row, flavor.bits // 8)
    differences = _read_bytes(flavor, segments, (row, height), 1, predictor=1)
    return _undo_differences(differences, row, samples, flavor.bits, flavor.order)


def _read_bytes(  # noqa: PLR0913 - what the file declares
    flavor: Flavor, segments: Sequence[Segment], size: tuple[int, int], samples: int, *, predictor: int, bits: int = 8
) -> bytes:
    """Decompress a strip or tile as ``samples`` samples of ``bits`` bits per pixel."""
    photometric, extras = _BYTE_SAMPLES[samples]
    tags: dict[int, Value] = {
        Tag.IMAGE_WIDTH: (size[0],),
        Tag.IMAGE_LENGTH: (size[1],),
        Tag.BITS_PER_SAMPLE: (bits,) * samples,
        Tag.COMPRESSION: (flavor.compression,),
        Tag.PHOTOMETRIC: (photometric,),
        Tag.SAMPLES_PER_PIXEL: (samples,),
        Tag.ROWS_PER_STRIP: (get_segment_size(flavor, 0)[1],),
        **({Tag.PREDICTOR: (predictor,)} if predictor > 1 else {}),
        **({Tag.EXTRA_SAMPLES: extras} if extras else {}),
    }
    contents = [segment.content for segment in segments]
    image = decode_tiff(write_tiff(tags, contents, flavor.order, tiles=False))
    return image.tobytes()


def _undo_differences(data: bytes, row: int, samples: int, bits: int, order: str) -> bytes:
    """Undo horizontal differencing (TIFF 6.0, section 14) of samples with 8, 16, 32 or 64 bits."""
    if bits not in _ARRAY_CODES:
        raise CorruptImage
    values = array(_ARRAY_CODES[bits], data)
    is_foreign = (order == ">") == (array("H", b"\1\0")[0] == 1)
    if is_foreign:
        values.byteswap()
    mask = (1 << bits) - 1
    per_row = row * 8 // bits
    for start in range(0, len(values), per_row):
        for sample in range(samples):
            part = slice(start + sample, start + per_row, samples)
            values[part] = array(values.typecode, [value & mask for value in accumulate(values[part])])
    if is_foreign:
        values.byteswap()
    return values.tobytes()


def _unshuffle(data: bytes, row: int, size: int) -> bytes:
    """Return big-endian samples from rows that hold first all highest bytes, then all second bytes, and so on."""
    result = bytearray(len(data))
    count = row // size
    for start in range(0, len(data), row):
        for place in range(size):
            result[start + place : start + row : size] = data[start + place * count : start + (place + 1) * count]
    return bytes(result)
