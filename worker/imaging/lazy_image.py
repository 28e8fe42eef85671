"""An image file that one of our own decoders reads, in the form of a Pillow image."""

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from shared.pipeline.sizes import Size


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
        decode: Callable[[], Image.Image],
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

    def load(self) -> Any:  # noqa: ANN401 - an internal class of Pillow
        """Decode the pixels if that has not been done yet. Raises what the decoder raises."""
        if self._im is None:
            decoded = self._decode()
            self._mode, self._size, self.palette = decoded.mode, decoded.size, decoded.palette
            self.im = decoded.im
        return super().load()

    def getexif(self) -> Image.Exif:
        """Return the EXIF tags of the file."""
        exif = Image.Exif()
        exif.update(self._tags)
        return exif
