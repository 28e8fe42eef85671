"""An image file that one of our own decoders reads, in the form of a Pillow image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from shared.pipeline.sizes import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What a decoder returns."""

    image: Image.Image
    #: Alpha that belongs to the image if the image's mode, for example CMYK, has no place for it.
    alpha: Image.Image | None = None
    warnings: tuple[str, ...] = ()
    #: The low bytes if the channels have 16 bits. Then ``image`` has the high bytes.
    low: Image.Image | None = None


class LazyImage(Image.Image):
    """An opened file whose pixels are decoded at the first ``load``, like those of Pillow's own file classes."""

    def __init__(  # noqa: PLR0913 - the facts of a header
        self,
        *,
        image_format: str,
        mode: str,
        size: Size,
        tile_size: Size,
        info: Mapping[str, Any],
        decode: Callable[[], Pixels],
        tags: Mapping[int, Any] | None = None,
    ) -> None:
        """Store the facts of the header.

        ``size`` is that of the upright image, and ``tile_size`` that of the largest part that is decoded in one step,
        pixels. ``mode`` says whether there may be transparency; ``decode`` can return an image of another mode.
        ``tags`` are the EXIF tags of the file.
        """
        super().__init__()
        self.format = image_format
        self._mode = mode
        self._size = size
        self.tile_size = tile_size
        self.info.update(info)
        self._decode = decode
        self._tags = dict(tags or {})
        self._alpha: Image.Image | None = None
        #: Known after ``load``, see ``Pixels``.
        self.low: Image.Image | None = None
        #: Known after ``load``.
        self.warnings: tuple[str, ...] = ()
        #: Whether the file has more than one page.
        self.is_animated = False

    def load(self) -> Any:  # noqa: ANN401 - an internal class of Pillow
        """Decode the pixels if that has not been done yet. Raises what the decoder raises."""
        if self._im is None:
            pixels = self._decode()
            decoded, self._alpha, self.warnings = pixels.image, pixels.alpha, pixels.warnings
            self.low = pixels.low
            self._mode, self._size, self.palette = decoded.mode, decoded.size, decoded.palette
            self.im = decoded.im
        return super().load()

    def restore_alpha(self, image: Image.Image) -> Image.Image:
        """Return an image, which was converted to sRGB, with the alpha for which this image's mode has no place."""
        if self._alpha is None:
            return image
        complete = image.convert("RGBA")
        complete.putalpha(self._alpha)
        return complete

    def getexif(self) -> Image.Exif:
        """Return the EXIF tags of the file."""
        exif = Image.Exif()
        exif.update(self._tags)
        return exif
