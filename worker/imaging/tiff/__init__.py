"""TIFF files: classic and BigTIFF, in both byte orders.

``directory`` reads the tags of the first page, ``flavor`` describes how its pixels are stored, and ``rules`` is the
allow-list: it says which code decodes a flavor, or that it is refused. Pillow (libtiff) decompresses all pixels, but
decides nothing: it gets a small file with only the tags that it needs (``container``).
"""

from worker.imaging.tiff.tiff_file import open_tiff

__all__ = ["open_tiff"]
