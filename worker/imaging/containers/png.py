"""The chunks of a PNG (W3C PNG, third edition).

Only a damaged IHDR, PLTE or IDAT chunk can fail an image. Text is skipped without inflating it.
"""

from typing import Final

from shared.errors import NotAnImage, UnsupportedFlavor
from shared.pipeline.png_chunks import SIGNATURE, Chunk, iterate_chunks
from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.png_color import COLOR_KINDS, read_color
from worker.imaging.containers.slices import Slices

_IHDR_BYTES: Final = 13
_INDEXED: Final = 3
#: The first chunk of PNG files in iOS apps, whose pixels are stored differently.
_APPLE: Final = b"CgBI"
#: Chunks that only ``containers.apng`` reads.
_ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
#: Ancillary chunks whose content has an effect on the still image.
_USED_KINDS: Final = (*COLOR_KINDS, b"tRNS", b"eXIf")
_PIXEL_CRC_WRONG: Final = "A checksum of the image data is wrong, but the data can be decoded."


def read_png(data: bytes) -> FileContents:
    """Return the chunks of the still image that Pillow needs, and the metadata.

    Raises NotAnImage without IHDR, UnsupportedFlavor for Apple's variant, and FileDamaged if IHDR or PLTE is damaged.
    """
    return _PngReader(data).read()


class _PngReader:
    """Collects facts in one pass over the chunks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pixels = Slices(data)
        #: The first valid chunk of each kind in ``_USED_KINDS``.
        self._found: dict[bytes, Chunk] = {}
        self._color_type = -1
        self._palette_entries = 0
        self._has_pixels = False
        self._warnings: dict[str, None] = {}

    def read(self) -> FileContents:
        """Read all chunks. Raises the errors of ``read_png``."""
        self._pixels.add(0, len(SIGNATURE))
        chunks = iterate_chunks(self._data)
        self._handle_header(next(chunks, None))
        for chunk in chunks:
            self._handle(chunk)
        parts = {kind: chunk.read(self._data) for kind, chunk in self._found.items()}
        color, color_warnings = read_color(parts)
        return FileContents(
            pixels=self._pixels,
            color=color,
            exif=parts.get(b"eXIf"),
            is_recognized=True,
            warnings=(*self._warnings, *color_warnings),
        )

    def _handle_header(self, header: Chunk | None) -> None:
        if header is None or header.kind not in {b"IHDR", _APPLE}:
            raise NotAnImage
        if header.kind == _APPLE:
            raise UnsupportedFlavor(
                "The file is a PNG for iOS apps (CgBI). Convert it to a normal PNG with the pngcrush of Xcode."
            )
        if header.length != _IHDR_BYTES or not header.is_intact(self._data):
            raise FileDamaged("The chunk IHDR is damaged.")
        self._color_type = self._data[header.start + 9]
        self._keep(header)

    def _handle(self, chunk: Chunk) -> None:
        match chunk.kind:
            case b"PLTE" if self._color_type == _INDEXED and not self._palette_entries:
                if not chunk.is_intact(self._data):
                    raise FileDamaged("The chunk PLTE is damaged.")
                self._palette_entries = chunk.length // 3
                self._keep(chunk)
            case b"IDAT":
                if not chunk.is_intact(self._data) and chunk.is_complete(self._data):
                    self._warn(_PIXEL_CRC_WRONG)
                self._has_pixels = True
                self._keep(chunk)
            case b"IEND":
                self._keep(chunk)
            case kind if kind in _ANIMATION:
                pass
            case kind if not chunk.is_intact(self._data):
                self._warn_damaged(chunk)
            case kind if kind in _USED_KINDS:
                self._handle_ancillary(chunk)

    def _handle_ancillary(self, chunk: Chunk) -> None:
        kind = chunk.kind
        if kind in self._found or self._has_pixels:
            return  # As in browsers, a second chunk of this kind, or one after the pixels, has no effect.
        if kind == b"tRNS" and not self._is_transparency_valid(chunk):
            self._warn_damaged(chunk)
        else:
            self._found[kind] = chunk
            if kind == b"tRNS":
                self._keep(chunk)

    def _is_transparency_valid(self, chunk: Chunk) -> bool:
        """Return True if tRNS has the length that the color type requires."""
        if self._color_type == _INDEXED:
            return 0 < chunk.length <= self._palette_entries
        return chunk.length == {0: 2, 2: 6}.get(self._color_type)

    def _keep(self, chunk: Chunk) -> None:
        """Keep the chunk with its length, type and checksum."""
        self._pixels.add(*chunk.whole)

    def _warn_damaged(self, chunk: Chunk) -> None:
        name = chunk.kind.decode("latin-1")
        if name.isascii() and name.isalpha():
            self._warn(f"The PNG chunk {name} is damaged and was ignored.")
        else:
            self._warn("A part of the PNG file is damaged and was ignored.")

    def _warn(self, warning: str) -> None:
        self._warnings[warning] = None
