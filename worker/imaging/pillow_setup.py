"""Pillow's global settings. Only the dedicated process ``worker.sandbox.child`` may change them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import AvifImagePlugin, Image, ImageFile, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin

from worker.imaging.color.deep import load_lcms
from worker.imaging.heif.functions import load_functions
from worker.imaging.operations.kernels import load_kernel
from worker.imaging.tiff.decoder_errors import watch_errors


def prepare_process(*, heif: bool = True) -> None:
    """Load all codecs, libheif only with ``heif``, and apply the settings that do not depend on an image."""
    Image.preinit()
    # preinit does not load these plug-ins. Importing them registers them.
    assert all((AvifImagePlugin, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin))  # noqa: S101 - keeps the imports
    load_kernel()
    if heif:
        load_functions()
    watch_errors()
    load_lcms()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    # There is already one process per CPU, and a sandboxed process can't start threads.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def set_bomb_limit(max_pixels: int) -> None:
    """Make Pillow refuse every image with more than ``max_pixels``, even one that our header check does not see."""
    Image.MAX_IMAGE_PIXELS = max_pixels


@contextmanager
def lift_bomb_limit() -> Iterator[None]:
    """Lift Pillow's limit in this context, in which only data of a known size is decoded."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
