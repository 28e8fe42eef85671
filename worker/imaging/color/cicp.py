"""Coding-independent code points (CICP, ITU-T H.273), which describe colors in PNG, AVIF and HEIF files by numbers.

The values become linear light, exactly for SDR. PQ and HLG are tone-mapped, see ``worker.imaging.color.hdr_curves``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image

from worker.imaging.color.hdr_curves import map_hlg, map_pq
from worker.imaging.color.rgb_space import BT709, Chromaticities, RgbSpace, convert_space_to_srgb

#: The value of ``primaries``, ``transfer`` and ``matrix`` that says nothing.
UNSPECIFIED: Final = 2
#: The value of ``matrix`` for RGB.
IDENTITY: Final = 0
#: The value of ``transfer`` for sRGB.
SRGB: Final = 13

_D65, _C, _DCI, _E = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
_SMPTE170M: Final = Chromaticities((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
#: ITU-T H.273, table 2.
_PRIMARIES: Final[Mapping[int, Chromaticities]] = {
    1: BT709,
    UNSPECIFIED: BT709,
    4: Chromaticities((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Chromaticities((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _SMPTE170M,
    7: _SMPTE170M,
    8: Chromaticities((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Chromaticities((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: Chromaticities((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _E),
    11: Chromaticities((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: Chromaticities((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: Chromaticities((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}


def _decode_smpte240m(value: float) -> float:
    return value / 4 if value < 0.0913 else ((value + 0.1115) / 1.1115) ** (1 / 0.45)


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


#: Transfer functions of cameras: BT.709, BT.601, xvYCC, BT.1361 and BT.2020.
_CAMERA_TRANSFERS: Final = (1, 6, 11, 12, 14, 15)
#: From a value of 0 to 1 to linear light (ITU-T H.273, table 3). Log transfer functions are not supported. Values
#: with a camera's transfer function are shown as a reference display shows them (ITU-R BT.1886), as in Chromium.
_TRANSFERS: Final[Mapping[int, Callable[[float], float]]] = {
    **dict.fromkeys(_CAMERA_TRANSFERS, lambda value: value**2.4),
    **dict.fromkeys((UNSPECIFIED, SRGB), _decode_srgb),
    4: lambda value: value**2.2,
    5: lambda value: value**2.8,
    7: _decode_smpte240m,
    8: lambda value: value,
    16: map_pq,
    17: lambda value: 52.37 / 48 * value**2.6,
    18: map_hlg,
}
_HDR_NAMES: Final = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True, slots=True)
class Cicp:
    """How the values of an image relate to colors.

    ``matrix`` and ``full_range`` describe the decoded values. If the decoder has converted YCbCr to RGB of full range,
    they are ``IDENTITY`` and True, whatever the file says.
    """

    primaries: int
    transfer: int
    matrix: int = IDENTITY
    full_range: bool = True

    @property
    def is_supported(self) -> bool:
        """Return True if the values can be converted to sRGB."""
        return self.primaries in _PRIMARIES and self.transfer in _TRANSFERS and self.matrix == IDENTITY

    @property
    def is_unspecified(self) -> bool:
        """Return True if neither primaries nor transfer function are given."""
        return self.primaries == UNSPECIFIED and self.transfer == UNSPECIFIED

    @property
    def is_srgb(self) -> bool:
        """Return True if the values are sRGB."""
        return (
            self.matrix == IDENTITY
            and self.full_range
            and self.primaries in {1, UNSPECIFIED}
            and self.transfer in {SRGB, UNSPECIFIED}
        )


def describe_decoded_video(primaries: int, transfer: int) -> Cicp:
    """Return the description of an image that was decoded to RGB of full range from a video codec (AVIF, HEIF).

    Many encoders write the transfer function of a camera for pixels that are sRGB, so browsers treat the first as the
    second.
    """
    return Cicp(primaries, SRGB if transfer in _CAMERA_TRANSFERS else transfer)


def convert_cicp_to_srgb(image: Image.Image, cicp: Cicp) -> tuple[Image.Image, str | None]:
    """Convert an image of mode L or RGB to sRGB.

    Return the image, and a warning if its high dynamic range was tone-mapped, otherwise None. Raises ValueError unless
    ``cicp.is_supported``.
    """
    if not cicp.is_supported:
        raise ValueError(f"{cicp} is not supported.")
    if cicp.is_srgb:
        return image, None
    return convert_space_to_srgb(image, make_space(cicp)), describe_tone_mapping(cicp)


def describe_tone_mapping(cicp: Cicp | None) -> str | None:
    """Return a warning if the high dynamic range of an image is tone-mapped, otherwise None."""
    name = _HDR_NAMES.get(cicp.transfer) if cicp else None
    return f"The image has high dynamic range ({name}), which was tone-mapped to sRGB." if name else None


@cache
def make_space(cicp: Cicp) -> RgbSpace:
    """Return the color space of a supported description."""
    decode = _TRANSFERS[cicp.transfer]
    return RgbSpace(_PRIMARIES[cicp.primaries], tuple(decode(value) for value in _list_values(cicp.full_range)))


def _list_values(full_range: bool) -> tuple[float, ...]:
    """Return the meaning of each 8-bit value, 0 to 1 (ITU-T H.273, section 8.3). Narrow range is 16 to 235."""
    if full_range:
        return tuple(value / 255 for value in range(256))
    return tuple(min(1.0, max(0.0, (value - 16) / 219)) for value in range(256))
