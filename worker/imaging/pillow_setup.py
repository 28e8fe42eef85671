"""Pillow's switches for a whole process. Only a process that does nothing else may call this.

``worker.sandbox.child`` does; everywhere else Pillow's globals stay as they are.
"""

import warnings

from PIL import AvifImagePlugin, Image, ImageFile, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

#: All unpacked text chunks of a PNG together; Pillow allows 64 MiB.
MAX_TEXT_BYTES = 4 * 1024 * 1024


def prepare_process() -> None:
    """Load the codecs, so that none has to be found later, and set what does not depend on an image."""
    Image.preinit()
    # Registered by their import: what preinit leaves out.
    assert all((AvifImagePlugin, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin))  # noqa: S101 - keeps the imports
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_BYTES
    # One process for each processor already; and a confined one can't start threads.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def set_bomb_limit(max_pixels: int) -> None:
    """Let Pillow refuse larger images by itself, also where our own check of the header can't look."""
    Image.MAX_IMAGE_PIXELS = max_pixels
