"""What a file says about its colors, in the order in which it counts: CICP, ICC profile, sRGB, gamma."""

from dataclasses import dataclass
from typing import Final

from worker.imaging.color.cicp import Cicp
from worker.imaging.color.rgb_space import BT709, Chromaticities, RgbSpace

#: Larger color profiles are ignored with a warning. Profiles for printing have up to 2.5 MB.
MAX_ICC_BYTES: Final = 4 * 1024 * 1024
PROFILE_TOO_LARGE: Final = "The color profile is too large and was ignored."
PROFILE_UNUSABLE: Final = "The color profile can't be used and was ignored."
CICP_UNUSABLE: Final = "The color description (CICP) can't be used and was ignored."
GAMMA_UNUSABLE: Final = "The color description (gamma) can't be used and was ignored."


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorDescription:
    """What a file says about its colors. Without any fact, the values are sRGB."""

    #: Counts most, and is None unless it is supported.
    cicp: Cicp | None = None
    #: The ICC profile, which can be damaged.
    profile: bytes | None = None
    #: The color space from the gamma and the chromaticities of a PNG.
    space: RgbSpace | None = None


def make_gamma_space(exponent: float, chromaticities: Chromaticities | None) -> RgbSpace | None:
    """Return the color space of a PNG with gAMA, or None if it is sRGB. ``exponent`` decodes a value.

    Without chromaticities, an exponent within 5 % of 2.2 is a common way to say sRGB. Browsers treat it as sRGB.
    """
    is_usual = chromaticities is None and abs(2.2 / exponent - 1) <= 0.05
    return (
        None
        if is_usual
        else RgbSpace(chromaticities or BT709, tuple((value / 255) ** exponent for value in range(256)))
    )
