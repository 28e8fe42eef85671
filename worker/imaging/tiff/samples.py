"""Decompression to the samples of strips and tiles, without an interpretation of the samples."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from PIL import Image

from shared.errors import CorruptImage, SafelightError, TruncatedImage
from worker.imaging.tiff.container import Segment, compute_row_bytes, decode_tiff, get_segment_size, write_tiff
from worker.imaging.tiff.directory import Value
from worker.imaging.tiff.flavor import Compression, Flavor, Tag

#: Photometric and ExtraSamples of a TIFF with this number of 8-bit samples, for which Pillow keeps all of them.
_BYTE_SAMPLES: Final = {1: (1, ()), 2: (1, (2,)), 3: (2, ()), 4: (5, ())}
_ARRAY_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}


def iterate_samples(flavor: Flavor, segments: Sequence[Segment], height: int, band: int) -> Iterator[tuple[int, bytes]]:
    """Yield the first row and the samples of each ``band`` rows of strips or tiles that follow each other.

    ``height`` is their number of rows in total. The samples have the file's byte order, but see ``get_sample_order``.
    Each row is padded to a whole byte. Raises TruncatedImage or CorruptImage.
    """
    row = compute_row_bytes(flavor)
    tops = range(0, height, band)
    if flavor.compression == Compression.NONE:
        content = segments[0].content if len(segments) == 1 else b"".join(segment.content for segment in segments)
        if len(content) < row * height:
            raise TruncatedImage
        for top in tops:
            yield top, bytes(content[top * row : min(top + band, height) * row])
        return
    declared = _declare(flavor)
    try:
        image = _decompress(flavor, declared, segments, height)
    except (SafelightError, MemoryError):
        raise
    except Exception as error:
        raise (TruncatedImage if any(segment.is_cut for segment in segments) else CorruptImage) from error
    for top in tops:
        part = image if band >= height else image.crop((0, top, image.width, min(top + band, height)))
        yield top, _undo_predictor(flavor, declared, part.tobytes())


def get_sample_order(flavor: Flavor) -> str:
    """Return the byte order of the samples: big endian after a predictor of floating point."""
    return ">" if flavor.used_predictor == 3 else flavor.order


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a file for Pillow declares: samples per pixel, bits per sample, and predictor."""

    samples: int
    bits: int
    predictor: int


def _declare(flavor: Flavor) -> _Declared:
    """Declare pixels whose bytes Pillow keeps. Declare a predictor if Pillow can undo it for such pixels.

    The predictor of floating point differences bytes, with the distance of one pixel.
    """
    samples = 1 if flavor.is_planar else flavor.samples
    if samples in _BYTE_SAMPLES and (flavor.used_predictor == 3 or (flavor.used_predictor == 2 and flavor.bits == 8)):
        return _Declared(samples, 8, 2)
    if flavor.used_predictor == 2 and flavor.bits == 16 and samples == 1:
        return _Declared(1, 16, 2)
    return _Declared(1, 8, 1)


def _decompress(flavor: Flavor, declared: _Declared, segments: Sequence[Segment], height: int) -> Image.Image:
    photometric, extras = _BYTE_SAMPLES[declared.samples]
    tags: dict[int, Value] = {
        Tag.IMAGE_WIDTH: (compute_row_bytes(flavor) * 8 // (declared.samples * declared.bits),),
        Tag.IMAGE_LENGTH: (height,),
        Tag.BITS_PER_SAMPLE: (declared.bits,) * declared.samples,
        Tag.COMPRESSION: (flavor.compression,),
        Tag.PHOTOMETRIC: (photometric,),
        Tag.SAMPLES_PER_PIXEL: (declared.samples,),
        Tag.ROWS_PER_STRIP: (get_segment_size(flavor, 0)[1],),
        **({Tag.PREDICTOR: (declared.predictor,)} if declared.predictor > 1 else {}),
        **({Tag.EXTRA_SAMPLES: extras} if extras else {}),
    }
    return decode_tiff(write_tiff(tags, [segment.content for segment in segments], flavor.order, tiles=False))


def _undo_predictor(flavor: Flavor, declared: _Declared, data: bytes) -> bytes:
    """Undo what Pillow has not undone."""
    row = compute_row_bytes(flavor)
    samples = 1 if flavor.is_planar else flavor.samples
    if flavor.used_predictor == 3:
        shuffled = data if declared.predictor == 2 else _undo_differences(data, row, samples, 8, "<")
        return _unshuffle(shuffled, row, flavor.bits // 8)
    if flavor.used_predictor == 2 and declared.predictor == 1:
        return _undo_differences(data, row, samples, flavor.bits, flavor.order)
    return data


def _undo_differences(data: bytes, row: int, samples: int, bits: int, order: str) -> bytes:
    """Undo horizontal differencing (TIFF 6.0, section 14) of samples with 8, 16, 32 or 64 bits."""
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
