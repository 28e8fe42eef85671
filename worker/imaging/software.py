"""What renders here: names and versions of all that has a say in the bits of a result."""

import platform
import zlib
from functools import cache
from typing import Final

from PIL import features

try:
    from zlib_ng import zlib_ng

    _ZLIB_NG_VERSION: str | None = str(zlib_ng.ZLIBNG_VERSION)
except ModuleNotFoundError:  # where there is no wheel of it, Python's own packs
    _ZLIB_NG_VERSION = None
try:
    from PIL._avif import codec_versions
except ImportError:  # a Pillow that was built without

    def codec_versions() -> str:
        """Name none."""
        return "none"


_MODULES: Final = {"avif": "libavif", "freetype2": "freetype", "littlecms2": "lcms2", "webp": "libwebp"}
_FEATURES: Final = {
    "libjpeg_turbo": "libjpeg-turbo",
    "zlib_ng": "pillow-zlib-ng",
    "raqm": "raqm",
    "harfbuzz": "harfbuzz",
    "fribidi": "fribidi",
}
#: Names that ``PIL.features`` gives to what was linked, and ours.
_CODECS: Final = {"jpg": "jpeg", "zlib": "pillow-zlib", "libtiff": "libtiff"}


@cache
def get_software_versions() -> dict[str, str]:
    """Return versions by name; what this build lacks is left out.

    Two runs of equal software make equal bytes of equal images, on machines of the same kind. PNG is packed by
    zlib-ng, which may find other matches on another kind of processor: then the bytes differ, and the pixels don't.
    """
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "pillow": features.version_module("pil"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "zlib-ng": _ZLIB_NG_VERSION,
        "avif-codecs": codec_versions(),
    }
    found |= {ours: features.version_module(name) for name, ours in _MODULES.items() if features.check_module(name)}
    found |= {ours: features.version_feature(name) for name, ours in _FEATURES.items() if features.check_feature(name)}
    found |= {ours: features.version_codec(name) for name, ours in _CODECS.items() if features.check_codec(name)}
    return {name: str(version) for name, version in sorted(found.items()) if version is not None}
