"""The chunks of a PNG (W3C PNG, third edition).

Only a damaged IHDR, PLTE or IDAT chunk can fail an image. Text is skipped without inflating it.
"""

from typing import Final

from shared.errors import NotAnImage, UnsupportedFlavor
from shared.pipeline.png_chunks import SIGNATURE, Chunk, iterate_chunks
from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.png_color import COLOR_KINDS, read_color
from worker.imaging.containers.slices import Slices

_IHDR_BYTES, _ACTL_BYTES = 13, 8
_INDEXED: Final = 3
#: The first chunk of PNG files in iOS apps, whose pixels are stored differently.
_APPLE: Final = b"CgBI"
_ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
#: Ancillary chunks whose content has an effect.
_USED_KINDS: Final = (*COLOR_KINDS, *_ANIMATION, b"tRNS", b"eXIf")
_PIXEL_CRC_WRONG: Final = "A checksum of the image data is wrong, but the data can be decoded."
_ANIMATION_DAMAGED: Final = "The animation data is damaged. Only the still image was processed."


def read_png(data: bytes) -> FileContents:
    """Return the chunks that Pillow needs, and the metadata.

    Raises NotAnImage without IHDR, UnsupportedFlavor for Apple's variant, and FileDamaged if IHDR or PLTE is damaged.
    """
    return _PngReader(data).read()


class _PngReader:
    """Collects facts in one pass over the chunks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._still = Slices(data)
        self._animated = Slices(data)
        #: The first valid chunk of each kind in ``_USED_KINDS``.
        self._found: dict[bytes, Chunk] = {}
        self._color_type = -1
        self._palette_entries = 0
        self._has_pixels = False
        self._is_animation_damaged = False
        self._warnings: dict[str, None] = {}

    def read(self) -> FileContents:
        """Read all chunks. Raises the errors of ``read_png``."""
        for slices in (self._still, self._animated):
            slices.add(0, len(SIGNATURE))
        chunks = iterate_chunks(self._data)
        self._handle_header(next(chunks, None))
        for chunk in chunks:
            self._handle(chunk)
        if self._is_animation_damaged:
            self._warn(_ANIMATION_DAMAGED)
        is_animated = b"acTL" in self._found and not self._is_animation_damaged
        parts = {kind: chunk.read(self._data) for kind, chunk in self._found.items()}
        color, color_warnings = read_color(parts)
        return FileContents(
            pixels=self._animated if is_animated else self._still,
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
            case b"fcTL" | b"fdAT" if not chunk.is_complete(self._data):
                self._animated.add(*chunk.whole)
            case kind if not chunk.is_intact(self._data):
                self._warn_damaged(chunk)
                self._is_animation_damaged |= kind in _ANIMATION
            case kind if kind in _USED_KINDS:
                self._handle_ancillary(chunk)

    def _handle_ancillary(self, chunk: Chunk) -> None:
        kind = chunk.kind
        if kind in {b"fcTL", b"fdAT"}:
            self._animated.add(*chunk.whole)
        elif kind in self._found or (self._has_pixels and kind != b"eXIf"):
            return  # A second chunk of this kind, or one in the wrong place, has no effect.
        elif kind == b"tRNS" and not self._is_transparency_valid(chunk):
            self._warn_damaged(chunk)
        elif kind == b"acTL" and not self._is_animation_valid(chunk):
            self._is_animation_damaged = True
        else:
            self._found[kind] = chunk
            if kind == b"tRNS":
                self._keep(chunk)
            elif kind == b"acTL":
                self._animated.add(*chunk.whole)

    def _is_transparency_valid(self, chunk: Chunk) -> bool:
        """Return True if tRNS has the length that the color type requires."""
        if self._color_type == _INDEXED:
            return 0 < chunk.length <= self._palette_entries
        return chunk.length == {0: 2, 2: 6}.get(self._color_type)

    def _is_animation_valid(self, chunk: Chunk) -> bool:
        """Return True if acTL has the right length and at least one frame."""
        return chunk.length == _ACTL_BYTES and any(self._data[chunk.start : chunk.start + 4])

    def _keep(self, chunk: Chunk) -> None:
        for slices in (self._still, self._animated):
            slices.add(*chunk.whole)

    def _warn_damaged(self, chunk: Chunk) -> None:
        name = chunk.kind.decode("latin-1")
        if name.isascii() and name.isalpha():
            self._warn(f"The PNG chunk {name} is damaged and was ignored.")
        else:
            self._warn("A part of the PNG file is damaged and was ignored.")

    def _warn(self, warning: str) -> None:
        self._warnings[warning] = None
