"""Readers of file structures: they find pixels and metadata in a file without decoding either.

Pillow gets only the parts that it needs for the pixels, so damaged or large metadata can't fail an image.
"""

from shared.pipeline import jpeg_segments, png_chunks
from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.heif import is_heif, read_heif
from worker.imaging.containers.jpeg import read_jpeg
from worker.imaging.containers.png import read_png
from worker.imaging.containers.slices import Slices
from worker.imaging.containers.webp import is_webp, read_webp

__all__ = ["FileContents", "FileDamaged", "read_contents"]


def read_contents(data: bytes) -> FileContents:
    """Return the parts of a file. Raises NotAnImage or FileDamaged if the pixels can't be decoded."""
    if data.startswith(png_chunks.SIGNATURE):
        return read_png(data)
    if data.startswith(jpeg_segments.SIGNATURE):
        return read_jpeg(data)
    if is_webp(data):
        return read_webp(data)
    if is_heif(data):
        return read_heif(data)
    whole = Slices(data)
    whole.add(0, len(data))
    return FileContents(pixels=whole)
