"""Decoding of the primary image of a HEIF file with libheif, without threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_char, c_int, c_size_t, c_uint16, c_uint32, c_void_p, create_string_buffer
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import TooManyPixels, TruncatedImage, UnsupportedFlavor
from shared.pipeline.heif_header import MAX_ITEMS
from worker.imaging.heif.functions import HeifError, load_functions

#: Values of ``heif_error_code`` and ``heif_suberror_code``.
_UNSUPPORTED_FILE, _UNSUPPORTED_FEATURE, _NO_MEMORY, _NO_DECODER = 3, 4, 6, 11
_END_OF_DATA, _SECURITY_LIMIT, _DATA_VERSION = 100, 1000, 3002
#: Values of ``heif_colorspace``, ``heif_chroma`` and ``heif_channel``.
_RGB, _MONOCHROME = 1, 2
_INTERLEAVED_RGB, _INTERLEAVED_RGBA, _INTERLEAVED = 10, 11, 10
#: ``heif_suberror_Unknown_NCLX_*`` and ``_NCLX_colr_VUI_mismatch``: color facts of the bitstream are unknown or wrong.
_HARMLESS: Final = (133, 134, 135, 152)
_MAX_WARNINGS: Final = 100
#: Characters of a message of libheif.
_MAX_MESSAGE: Final = 120
#: libheif starts a thread for 0, and none for a negative number.
_NO_CODEC_THREADS: Final = -1
_NO_LIBRARY: Final = (
    "HEIC files can't be decoded on this platform, because it has no libheif. Convert the image to JPEG."
)

_Functions = dict[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Pixels:
    """Decoded pixels: interleaved RGB or RGBA, 8 bits per channel. The buffer is valid inside of ``decode``."""

    buffer: Any
    #: Width and height in pixels.
    size: tuple[int, int]
    #: Bytes from one row to the next.
    stride: int


class PrimaryImage:
    """The primary image of a file, upright: libheif applies rotation, mirroring and cropping."""

    def __init__(self, functions: _Functions, handle: c_void_p) -> None:
        self._functions = functions
        self._handle = handle
        self.size = (self._call("heif_image_handle_get_width"), self._call("heif_image_handle_get_height"))
        self.has_alpha = bool(self._call("heif_image_handle_has_alpha_channel"))
        self.is_premultiplied = bool(self._call("heif_image_handle_is_premultiplied_alpha"))

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - a value of the C library
        return self._functions[name](self._handle, *arguments)

    @property
    def is_gray(self) -> bool:
        """Return True if the image has no color channels."""
        space, chroma = c_int(), c_int()
        error = self._call("heif_image_handle_get_preferred_decoding_colorspace", byref(space), byref(chroma))
        return error.code == 0 and space.value == _MONOCHROME

    def read_exif(self) -> bytes | None:
        """Return the TIFF structure of the first EXIF block, or None (ISO/IEC 23008-12, annex A.2.1)."""
        block = c_uint32()
        if self._call("heif_image_handle_get_list_of_metadata_block_IDs", b"Exif", byref(block), 1) < 1:
            return None
        size = self._call("heif_image_handle_get_metadata_size", block)
        content = create_string_buffer(size)
        if size < 4 or self._call("heif_image_handle_get_metadata", block, content).code:
            return None
        return content.raw[4 + int.from_bytes(content.raw[:4], "big") :]

    @contextmanager
    def decode(self) -> Iterator[Pixels]:
        """Decode the pixels. Raises the errors of ``open_primary``."""
        with _decode(self._functions, "heif_decode_image", self._handle, self.has_alpha) as pixels:
            yield pixels


class FirstFrame:
    """The first frame of a file that has a sequence and no still image. Has the interface of ``PrimaryImage``."""

    has_alpha = False
    is_premultiplied = False
    is_gray = False

    def __init__(self, functions: _Functions, track: c_void_p) -> None:
        self._functions = functions
        self._track = track
        width, height = c_uint16(), c_uint16()
        _check(functions["heif_track_get_image_resolution"](track, byref(width), byref(height)))
        self.size = (width.value, height.value)

    def read_exif(self) -> None:
        """Return None: metadata of sequences is not read."""
        return

    @contextmanager
    def decode(self) -> Iterator[Pixels]:
        """Decode the pixels, as ``PrimaryImage.decode``."""
        with _decode(self._functions, "heif_track_decode_next_image", self._track, has_alpha=False) as pixels:
            yield pixels


@contextmanager
def open_primary(data: bytes, max_pixels: int) -> Iterator[PrimaryImage | FirstFrame]:
    """Parse a file. No pixel is decoded before ``decode``.

    libheif refuses images, tiles and alpha planes with more than ``max_pixels``. Raises ValueError if
    the file is damaged, and TruncatedImage, UnsupportedFlavor, TooManyPixels or MemoryError.
    """
    functions = load_functions()
    if functions is None:
        raise UnsupportedFlavor(_NO_LIBRARY)
    context = c_void_p(functions["heif_context_alloc"]())
    try:
        limits = functions["heif_context_get_security_limits"](context).contents
        limits.max_image_size_pixels = max_pixels
        limits.max_items = MAX_ITEMS
        functions["heif_context_set_max_decoding_threads"](context, 0)
        _check(functions["heif_context_read_from_memory_without_copy"](context, data, len(data), None))
        with _get_primary(functions, context) as image:
            yield image
    finally:
        functions["heif_context_free"](context)


@contextmanager
def _get_primary(functions: _Functions, context: c_void_p) -> Iterator[PrimaryImage | FirstFrame]:
    handle = c_void_p()
    error = functions["heif_context_get_primary_image_handle"](context, byref(handle))
    if error.code and functions["heif_context_has_sequence"](context):
        track = c_void_p(functions["heif_context_get_track"](context, 0))
        try:
            yield FirstFrame(functions, track)
        finally:
            functions["heif_track_release"](track)
        return
    _check(error)
    try:
        yield PrimaryImage(functions, handle)
    finally:
        functions["heif_image_handle_release"](handle)


@contextmanager
def _decode(functions: _Functions, function: str, source: c_void_p, has_alpha: bool) -> Iterator[Pixels]:
    options = functions["heif_decoding_options_alloc"]()
    try:
        options.contents.convert_hdr_to_8bit = 1
        options.contents.num_codec_threads = _NO_CODEC_THREADS
        options.contents.output_image_nclx_profile_passthrough = 1
        image = c_void_p()
        chroma = _INTERLEAVED_RGBA if has_alpha else _INTERLEAVED_RGB
        _check(functions[function](source, byref(image), _RGB, chroma, options))
    finally:
        functions["heif_decoding_options_free"](options)
    try:
        _check_warnings(functions, image)
        size = (functions["heif_image_get_primary_width"](image), functions["heif_image_get_primary_height"](image))
        stride = c_size_t()
        plane = functions["heif_image_get_plane_readonly2"](image, _INTERLEAVED, byref(stride))
        if not plane:
            raise ValueError("The image has no pixels.")
        buffer = (c_char * (stride.value * size[1])).from_address(plane)
        yield Pixels(buffer, size, stride.value)
    finally:
        functions["heif_image_release"](image)


def _check_warnings(functions: _Functions, image: c_void_p) -> None:
    """Raise ValueError if libheif has left out a part of the image, such as a damaged tile."""
    warnings = (HeifError * _MAX_WARNINGS)()
    for index in range(functions["heif_image_get_decoding_warnings"](image, 0, warnings, _MAX_WARNINGS)):
        if warnings[index].subcode not in _HARMLESS:
            _check(warnings[index])


def _check(error: HeifError) -> None:
    """Raise the exception for an error of libheif, if it is one."""
    if error.code == 0:
        return
    message = (error.message or b"").decode("utf-8", "replace")
    if error.subcode == _SECURITY_LIMIT and "mage size" in message:
        raise TooManyPixels from ValueError(message)
    if error.code == _NO_MEMORY and error.subcode != _SECURITY_LIMIT and "Invalid image size" not in message:
        raise MemoryError(message)
    if error.subcode == _END_OF_DATA and "iloc" in message:  # pixels after the end of the file
        raise TruncatedImage from ValueError(message)
    if error.subcode != _DATA_VERSION and error.code in {_UNSUPPORTED_FILE, _UNSUPPORTED_FEATURE, _NO_DECODER}:
        feature = "".join(each for each in message if each.isascii() and each.isprintable())[:_MAX_MESSAGE]
        raise UnsupportedFlavor(
            f"The HEIF file uses a feature that is not supported ({feature}). Save the image as JPEG or PNG."
        ) from ValueError(message)
    raise ValueError(message)
