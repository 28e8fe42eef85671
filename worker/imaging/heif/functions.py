"""The functions and structures of libheif that are used (version 1.23, ``libheif/heif.h``).

The library is the one in the package pi-heif-decoder. Its Python module is not used, because it can't decode without
starting threads, which a sandboxed process can't do.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_int, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar, Final

#: The module that is linked with libheif. Symbols of libheif are found through it on every system.
_MODULE: Final = "_pi_heif"


class HeifError(Structure):
    """``heif_error``."""

    _fields_: ClassVar = [("code", c_int), ("subcode", c_int), ("message", c_char_p)]


class _ConversionOptions(Structure):
    """``heif_color_conversion_options``."""

    _fields_: ClassVar = [("version", c_uint8), ("down", c_int), ("up", c_int), ("only_preferred", c_uint8)]


class DecodingOptions(Structure):
    """``heif_decoding_options``, version 10."""

    _fields_: ClassVar = [
        ("version", c_uint8),
        ("ignore_transformations", c_uint8),
        ("start_progress", c_void_p),
        ("on_progress", c_void_p),
        ("end_progress", c_void_p),
        ("progress_user_data", c_void_p),
        ("convert_hdr_to_8bit", c_uint8),
        ("strict_decoding", c_uint8),
        ("decoder_id", c_char_p),
        ("color_conversion_options", _ConversionOptions),
        ("cancel_decoding", c_void_p),
        ("color_conversion_options_ext", c_void_p),
        ("ignore_sequence_editlist", c_int),
        ("output_image_nclx_profile", c_void_p),
        ("num_library_threads", c_int),
        ("num_codec_threads", c_int),
        ("autocorrect_broken_input", c_uint8),
        ("output_image_nclx_profile_passthrough", c_uint8),
    ]


class SecurityLimits(Structure):
    """The first fields of ``heif_security_limits``."""

    _fields_: ClassVar = [
        ("version", c_uint8),
        ("max_image_size_pixels", c_uint64),
        ("max_number_of_tiles", c_uint64),
        ("max_bayer_pattern_pixels", c_uint32),
        ("max_items", c_uint32),
        ("max_color_profile_size", c_uint32),
        ("max_memory_block_size", c_uint64),
    ]


#: Result type and argument types of each function.
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "heif_get_version": (c_char_p, ()),
    "heif_init": (HeifError, (c_void_p,)),
    "heif_context_alloc": (c_void_p, ()),
    "heif_context_free": (None, (c_void_p,)),
    "heif_context_get_security_limits": (POINTER(SecurityLimits), (c_void_p,)),
    "heif_context_set_max_decoding_threads": (None, (c_void_p, c_int)),
    "heif_context_read_from_memory_without_copy": (HeifError, (c_void_p, c_char_p, c_size_t, c_void_p)),
    "heif_context_get_primary_image_handle": (HeifError, (c_void_p, POINTER(c_void_p))),
    "heif_context_has_sequence": (c_int, (c_void_p,)),
    "heif_context_get_track": (c_void_p, (c_void_p, c_uint32)),
    "heif_track_get_image_resolution": (HeifError, (c_void_p, POINTER(c_uint16), POINTER(c_uint16))),
    "heif_track_decode_next_image": (
        HeifError,
        (c_void_p, POINTER(c_void_p), c_int, c_int, POINTER(DecodingOptions)),
    ),
    "heif_track_release": (None, (c_void_p,)),
    "heif_image_handle_get_width": (c_int, (c_void_p,)),
    "heif_image_handle_get_height": (c_int, (c_void_p,)),
    "heif_image_handle_has_alpha_channel": (c_int, (c_void_p,)),
    "heif_image_handle_is_premultiplied_alpha": (c_int, (c_void_p,)),
    "heif_image_handle_get_preferred_decoding_colorspace": (HeifError, (c_void_p, POINTER(c_int), POINTER(c_int))),
    "heif_image_handle_get_list_of_metadata_block_IDs": (c_int, (c_void_p, c_char_p, POINTER(c_uint32), c_int)),
    "heif_image_handle_get_metadata_size": (c_size_t, (c_void_p, c_uint32)),
    "heif_image_handle_get_metadata": (HeifError, (c_void_p, c_uint32, c_char_p)),
    "heif_image_handle_release": (None, (c_void_p,)),
    "heif_decoding_options_alloc": (POINTER(DecodingOptions), ()),
    "heif_decoding_options_free": (None, (POINTER(DecodingOptions),)),
    "heif_decode_image": (HeifError, (c_void_p, POINTER(c_void_p), c_int, c_int, POINTER(DecodingOptions))),
    "heif_image_get_primary_width": (c_int, (c_void_p,)),
    "heif_image_get_primary_height": (c_int, (c_void_p,)),
    "heif_image_get_plane_readonly2": (c_void_p, (c_void_p, c_int, POINTER(c_size_t))),
    "heif_image_get_decoding_warnings": (c_int, (c_void_p, c_int, POINTER(HeifError), c_int)),
    "heif_image_release": (None, (c_void_p,)),
}


@cache
def load_functions() -> dict[str, Callable[..., Any]] | None:
    """Load libheif and return its functions, or None if there is no package for this platform.

    Call this before the process is confined, because it opens files. Only a process that decodes HEIC calls it,
    because the library takes 2 MiB of memory.
    """
    module = find_spec(_MODULE)
    if module is None or module.origin is None:
        return None
    try:
        library = ctypes.CDLL(module.origin)
    except OSError:  # a library that libheif needs is missing
        return None
    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    functions["heif_init"](None)
    return functions


def get_version() -> str | None:
    """Return the version of libheif, or None if it is not available."""
    functions = load_functions()
    return functions["heif_get_version"]().decode() if functions else None
