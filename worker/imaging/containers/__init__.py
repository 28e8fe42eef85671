"""Readers of file structures: they find pixels and metadata in a file without decoding either.

Pillow gets only the parts that it needs for the pixels, so damaged or large metadata can't fail an image.
"""

from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.png import SIGNATURE, read_png
from worker.imaging.containers.slices import Slices

__all__ = ["FileContents", "FileDamaged", "read_contents"]


def read_contents(data: bytes) -> FileContents:
    """Return the parts of a file. Raises NotAnImage or FileDamaged if the pixels can't be decoded."""
    if data.startswith(SIGNATURE):
        return read_png(data)
    whole = Slices(data)
    whole.add(0, len(data))
    return FileContents(pixels=whole)
