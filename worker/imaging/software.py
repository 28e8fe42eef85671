"""Names and versions of all software that affects the bytes of an output."""

import platform
import zlib
from functools import cache
from typing import Final

from PIL import features

try:
    from zlib_ng import zlib_ng

    _ZLIB_NG_VERSION: str | None = str(zlib_ng.ZLIBNG_VERSION)
except ModuleNotFoundError:  # platforms without a wheel use Python's zlib
    _ZLIB_NG_VERSION = None
try:
    from PIL._avif import codec_versions
except ImportError:  # Pillow built without AVIF

    def codec_versions() -> str:
        """Return a placeholder."""
        return "none"


_MODULES: Final = {"avif": "libavif", "freetype2": "freetype", "littlecms2": "lcms2", "webp": "libwebp"}
_FEATURES: Final = {
    "libjpeg_turbo": "libjpeg-turbo",
    "zlib_ng": "pillow-zlib-ng",
    "raqm": "raqm",
    "harfbuzz": "harfbuzz",
    "fribidi": "fribidi",
}
#: Our names by the codec names of ``PIL.features``.
_CODECS: Final = {"jpg": "jpeg", "zlib": "pillow-zlib", "libtiff": "libtiff"}


@cache
def get_software_versions() -> dict[str, str]:
    """Return versions by name. Missing libraries are omitted.

    Equal software on the same type of machine gives equal bytes for equal images. On another type of CPU, zlib-ng may
    compress PNG differently; then the bytes differ and the pixels do not.
    """
    versions: dict[str, str | None] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "pillow": features.version_module("pil"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "zlib-ng": _ZLIB_NG_VERSION,
        "avif-codecs": codec_versions(),
    }
    versions |= {ours: features.version_module(name) for name, ours in _MODULES.items() if features.check_module(name)}
    versions |= {
        ours: features.version_feature(name) for name, ours in _FEATURES.items() if features.check_feature(name)
    }
    versions |= {ours: features.version_codec(name) for name, ours in _CODECS.items() if features.check_codec(name)}
    return {name: str(version) for name, version in sorted(versions.items()) if version is not None}
