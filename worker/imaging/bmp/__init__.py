"""BMP files: Windows and OS/2 bitmaps of every header size, bit depth and compression except those that embed images.

Pillow's own decoder refuses valid bit fields, ignores the alpha mask of uncompressed files, and decodes a file whose
alpha channel is empty as invisible.
"""

from worker.imaging.bmp.bmp_file import open_bmp

__all__ = ["open_bmp"]
