"""Names and versions of all software that affects the bytes of an output."""

import platform
import zlib
from functools import cache
from typing import Final

from PIL import features

from worker.imaging.heif.functions import get_version
from worker.imaging.operations.kernels import get_kernel_version

try:
    from zlib_ng import zlib_ng

    _ZLIB_NG_VERSION: str | None = str(zlib_ng.ZLIBNG_VERSION)
except ModuleNotFoundError:  # There is no wheel for this platform, so Python's zlib is used.
    _ZLIB_NG_VERSION = None
try:
    from PIL._avif import codec_versions
except ImportError:  # Pillow was built without AVIF.

    def codec_versions() -> str:
        """Return "none" as the versions of the missing codecs."""
        return "none"


#: Name of the library that only HEIC images need.
LIBHEIF: Final = "libheif"
_MODULES: Final = {"avif": "libavif", "freetype2": "freetype", "littlecms2": "lcms2", "webp": "libwebp"}
_FEATURES: Final = {
    "libjpeg_turbo": "libjpeg-turbo",
    "zlib_ng": "pillow-zlib-ng",
    "raqm": "raqm",
    "harfbuzz": "harfbuzz",
    "fribidi": "fribidi",
}
#: Our names of codecs, by the names that ``PIL.features`` uses.
_CODECS: Final = {"jpg": "jpeg", "zlib": "pillow-zlib", "libtiff": "libtiff"}


def get_software_versions(*, heif: bool = False) -> dict[str, str]:
    """Return the versions by name, without libraries that are not installed, and that of libheif only with ``heif``.

    The same software on the same type of machine encodes the same image to the same bytes. On another type of CPU,
    zlib-ng may compress a PNG to other bytes with the same pixels.
    """
    kernel = get_kernel_version()
    versions = _find_versions() | {LIBHEIF: get_version() if heif else None} | dict([kernel] if kernel else [])
    return {name: str(version) for name, version in sorted(versions.items()) if version is not None}


@cache
def _find_versions() -> dict[str, str | None]:
    """Return the versions of all libraries that every image may need."""
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
    return versions
