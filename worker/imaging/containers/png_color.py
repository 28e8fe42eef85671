"""The color chunks of a PNG: cICP, iCCP, sRGB, gAMA and cHRM (W3C PNG, third edition, section 4.3)."""

import struct
import zlib
from collections.abc import Mapping
from typing import Final

from worker.imaging.color.cicp import Cicp
from worker.imaging.color.description import (
    CICP_UNUSABLE,
    GAMMA_UNUSABLE,
    MAX_ICC_BYTES,
    PROFILE_TOO_LARGE,
    PROFILE_UNUSABLE,
    ColorDescription,
    make_gamma_space,
)
from worker.imaging.color.rgb_space import Chromaticities, RgbSpace, build_profile

COLOR_KINDS: Final = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
#: gAMA and cHRM store numbers times 100,000.
_UNIT: Final = 100_000
_MAX_NAME_BYTES: Final = 79
_CHROMATICITIES_BYTES: Final = 32
_CHROMATICITIES_DAMAGED: Final = "The PNG chunk cHRM is damaged and was ignored."


def read_color(chunks: Mapping[bytes, bytes]) -> tuple[ColorDescription, tuple[str, ...]]:
    """Return the description that counts, and the warnings about chunks that can't be used.

    ``chunks`` are the contents by chunk type.
    """
    warnings: list[str] = []
    if (content := chunks.get(b"cICP")) is not None:
        cicp = _read_cicp(content)
        if cicp is None or not (cicp.is_supported or cicp.is_unspecified):
            warnings.append(CICP_UNUSABLE)
        elif not cicp.is_unspecified:
            return ColorDescription(cicp=cicp), ()
    if (content := chunks.get(b"iCCP")) is not None:
        try:
            return ColorDescription(profile=inflate_profile(content)), tuple(warnings)
        except ValueError as error:
            warnings.append(str(error))
    if b"sRGB" in chunks or (content := chunks.get(b"gAMA")) is None:
        return ColorDescription(), tuple(warnings)
    chromaticities = chunks.get(b"cHRM")
    if chromaticities is not None and len(chromaticities) != _CHROMATICITIES_BYTES:
        chromaticities = None  # As in Chromium, gAMA counts without it.
        warnings.append(_CHROMATICITIES_DAMAGED)
    try:
        return ColorDescription(space=_read_space(content, chromaticities)), tuple(warnings)
    except (ValueError, OverflowError, struct.error):
        return ColorDescription(), (*warnings, GAMMA_UNUSABLE)


def inflate_profile(content: bytes) -> bytes:
    """Return the profile in the content of iCCP. Raises ValueError with a warning as its message."""
    name, separator, compressed = content.partition(b"\0")
    if not separator or not 0 < len(name) <= _MAX_NAME_BYTES or compressed[:1] != b"\0":
        raise ValueError(PROFILE_UNUSABLE)
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(compressed[1:], MAX_ICC_BYTES + 1)
    except zlib.error as error:
        raise ValueError(PROFILE_UNUSABLE) from error
    if len(profile) > MAX_ICC_BYTES:
        raise ValueError(PROFILE_TOO_LARGE)
    return profile


def _read_cicp(content: bytes) -> Cicp | None:
    if len(content) != 4 or content[3] > 1:
        return None
    return Cicp(content[0], content[1], content[2], bool(content[3]))


def _read_space(gamma: bytes, chromaticities: bytes | None) -> RgbSpace | None:
    """Return the color space, or None if it is sRGB. Raises ValueError or struct.error if a chunk is invalid.

    Like in Chromium, cHRM has no effect without gAMA.
    """
    (value,) = struct.unpack(">I", gamma)
    if value == 0:
        raise ValueError("The gamma is 0.")
    space = make_gamma_space(_UNIT / value, _read_chromaticities(chromaticities) if chromaticities else None)
    if space:
        build_profile(space)  # Raises ValueError if the chromaticities are not a color space.
    return space


def _read_chromaticities(content: bytes) -> Chromaticities:
    numbers = [number / _UNIT for number in struct.unpack(">8I", content)]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    return Chromaticities(red, green, blue, white)
