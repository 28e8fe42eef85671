"""A plug-in with which Pillow opens HEIC and HEIF files as format HEIC.

The image is upright when it is opened: its orientation comes from ``irot`` and ``imir``, and that of EXIF is ignored,
as ISO/IEC 23008-12, 6.5.10 requires.
"""

from typing import Any

from PIL import Image, ImageFile

from shared.pipeline.image_formats import HEIC
from worker.imaging.heif.library import open_primary


class HeifImageFile(ImageFile.ImageFile):
    """The primary image of a HEIF file."""

    format = HEIC.name
    format_description = HEIC.label

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - Pillow has set it
        self._data: bytes = self.fp.read()
        with open_primary(self._data, _get_max_pixels()) as primary:
            self._size = primary.size
            self._mode = f"{'L' if primary.is_gray else 'RGB'}{_get_alpha(primary)}"
            if exif := primary.read_exif():
                self.info["exif"] = exif

    def load(self) -> Any:  # noqa: ANN401 - Pillow's type for access to pixels is private
        """Decode the pixels, if they are not decoded yet, and return Pillow's access to them."""
        if self._im is None:
            with open_primary(self._data, _get_max_pixels()) as primary, primary.decode() as pixels:
                mode = "RGBA" if primary.has_alpha else "RGB"
                decoded = Image.frombytes(mode, pixels.size, pixels.buffer, "raw", mode, pixels.stride)
            if decoded.mode != self._mode:
                decoded = _change_mode(decoded, self._mode)
            self._size = decoded.size
            self.im = decoded.im
        return Image.Image.load(self)


def _get_alpha(primary: Any) -> str:  # noqa: ANN401 - either kind of image
    return ("a" if primary.is_premultiplied else "A") if primary.has_alpha else ""


def _change_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return a decoded image with only one of its equal color channels, or with its alpha marked as premultiplied."""
    if mode == "RGBa":
        return Image.frombytes(mode, image.size, image.tobytes())
    channels = image.split()
    return Image.merge(mode, (channels[0], channels[-1])) if len(mode) > 1 else channels[0]


def _get_max_pixels() -> int:
    """Return the limit that Pillow enforces for all formats."""
    return Image.MAX_IMAGE_PIXELS or 2**32


def accepts(prefix: bytes) -> bool:
    """Return True for the first bytes of a HEIF file."""
    return HEIC.matches(prefix)


Image.register_open(HEIC.name, HeifImageFile, accepts)
