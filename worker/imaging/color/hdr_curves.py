"""Tone mapping of PQ and HLG values (ITU-R BT.2100) to the range of sRGB. Each component is mapped separately.

1. Decode to light in cd/m². HLG is shown on a display with a peak of 1,000 cd/m²: the system gamma of 1.2 is applied to
   each component.
2. Compress a peak of 1,000 cd/m² to 203 cd/m², the level of white in ITU-R BT.2408, with the EETF of
   ITU-R BT.2390-10, section 5.4.1. Light up to 88 cd/m² does not change.
3. Divide by 203 cd/m².

Then the primaries are converted and the values encoded like those of an SDR image.
"""

from math import exp
from typing import Final

#: cd/m².
_SOURCE_PEAK: Final = 1000.0
_WHITE: Final = 203.0
_PQ_PEAK: Final = 10_000.0
_SYSTEM_GAMMA: Final = 1.2
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073


def map_pq(value: float) -> float:
    """Return the light, 0 to 1, for a PQ value of 0 to 1."""
    return compress(decode_pq(value)) / _WHITE


def map_hlg(value: float) -> float:
    """Return the light, 0 to 1, for an HLG value of 0 to 1."""
    return compress(_SOURCE_PEAK * _decode_hlg(value) ** _SYSTEM_GAMMA) / _WHITE


def compress(light: float) -> float:
    """Return the luminance, at most 203 cd/m², for a luminance of the source, in cd/m²."""
    peak = encode_pq(_SOURCE_PEAK)
    value = min(1.0, encode_pq(light) / peak)
    highest = encode_pq(_WHITE) / peak
    knee = 1.5 * highest - 0.5
    if value > knee:
        t = (value - knee) / (1 - knee)
        value = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * highest
    return decode_pq(value * peak)


def decode_pq(value: float) -> float:
    """Return the luminance in cd/m² of a PQ value of 0 to 1 (ITU-R BT.2100, table 4)."""
    power = value ** (1 / _M2)
    return float(_PQ_PEAK * (max(0.0, power - _C1) / (_C2 - _C3 * power)) ** (1 / _M1))


def encode_pq(light: float) -> float:
    """Return the PQ value of a luminance in cd/m²."""
    power = (light / _PQ_PEAK) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _decode_hlg(value: float) -> float:
    """Return the light of the scene, 0 to 1 (ITU-R BT.2100, table 5)."""
    return value**2 / 3 if value <= 0.5 else (exp((value - _HLG_C) / _HLG_A) + _HLG_B) / 12
