"""HDR images of AVIF, HEIC and PNG as the formulas of docs/fidelity.md show them, computed without our code.

avifdec and heif-convert decode the values, with 16 bits if the file has more than 8. The formulas are those of the
standards: ITU-R BT.2100 (PQ and HLG), BT.2390-10, 5.4.1 (EETF), ITU-T H.273 (primaries) and IEC 61966-2-1 (sRGB).
"""

import struct
from typing import Any, Final

import numpy as np

#: Array of RGB or RGBA, of shape (height, width, 3 or 4).
Pixels = Any

_PQ, _HLG = 16, 18
_PEAK, _WHITE = 1000.0, 203.0
_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
#: x and y of red, green and blue by the code of H.273. All have the white point D65.
_PRIMARIES: Final = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    2: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65: Final = (0.3127, 0.3290)


def find_hdr(data: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer function of an HDR file, or None for other files."""
    if (at := data.find(b"nclx")) >= 0:
        primaries, transfer = struct.unpack_from(">HH", data, at + 4)
    elif (at := data.find(b"cICP")) >= 0:
        primaries, transfer = data[at + 4], data[at + 5]
    else:
        return None
    return (primaries, transfer) if transfer in {_PQ, _HLG} and primaries in _PRIMARIES else None


def tone_map(values: Pixels, primaries: int, transfer: int) -> Pixels:
    """Return sRGB values of 0 to 255 for values of 0 to 1."""
    light = _decode_pq(values) if transfer == _PQ else _decode_hlg(values)
    linear = _compress(light) / _WHITE @ (np.linalg.inv(_to_xyz(1)) @ _to_xyz(primaries)).T
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _decode_pq(values: Pixels) -> Pixels:
    power = values ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _encode_pq(light: Pixels) -> Pixels:
    power = (light / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _decode_hlg(values: Pixels) -> Pixels:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    return _PEAK * scene**1.2


def _compress(light: Pixels) -> Pixels:
    """Apply the EETF from 1,000 to 203 cd/m²; both blacks are 0."""
    peak = _encode_pq(np.array(_PEAK))
    e1 = np.minimum(_encode_pq(light) / peak, 1)
    highest = _encode_pq(np.array(_WHITE)) / peak
    start = 1.5 * highest - 0.5
    t = np.clip((e1 - start) / (1 - start), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * (1 - start) + (3 * t**2 - 2 * t**3) * highest
    return _decode_pq(np.where(e1 < start, e1, spline) * peak)


def _to_xyz(primaries: int) -> Pixels:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _PRIMARIES[primaries]]).T
    x, y = _D65
    return columns * np.linalg.solve(columns, np.array([x / y, 1, (1 - x - y) / y]))
