"""The cosine of fdlibm (``k_cos.c``, ``k_sin.c`` and ``e_rem_pio2.c``; Sun Microsystems, 1993).

Libraries differ in the last bit of a cosine. The ThumbHash of an image with a symmetry depends on this bit, so such an
image needs the cosine of JavaScript's reference implementation. V8 has used fdlibm up to version 11.4.
"""

from struct import pack, unpack
from typing import Final

_COS: Final = (
    *(4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05),
    *(-2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11),
)
_SIN: Final = (
    *(-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04),
    *(2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10),
)
#: 2/π, and π/2 as sums of two numbers, with 33 and with 66 bits in front.
_TWO_BY_PI: Final = 6.36619772367581382433e-01
_HALF_PI: Final = (1.57079632673412561417, 6.07710050650619224932e-11)
_REST: Final = (6.07710050630396597660e-11, 2.02226624879595063154e-21)
#: High words of π/4, of 2**-27, of 0.3 and of 0.78125.
_QUARTER_PI_WORD, _TINY_WORD, _SMALL_WORD, _LARGE_WORD = 0x3FE921FB, 0x3E400000, 0x3FD33333, 0x3FE90000


def compute_cosine(angle: float) -> float:
    """Return the cosine of a non-negative angle below 2**20, in radians."""
    if _get_high_word(angle) <= _QUARTER_PI_WORD:
        return _compute_near_zero(angle, 0.0)
    quarter, head, tail = _reduce(angle)
    if quarter % 2:
        sine = _compute_sine(head, tail)
        return -sine if quarter % 4 == 1 else sine
    cosine = _compute_near_zero(head, tail)
    return -cosine if quarter % 4 else cosine


def _get_high_word(number: float) -> int:
    """Return the upper 32 bits of the absolute value."""
    return int(unpack(">I", pack(">d", number)[:4])[0]) & 0x7FFFFFFF


def _reduce(angle: float) -> tuple[int, float, float]:
    """Return the nearest multiple of π/2, and the rest as a sum of two numbers."""
    count = int(angle * _TWO_BY_PI + 0.5)
    first, first_tail = _HALF_PI
    rest = angle - count * first
    correction = count * first_tail
    head = rest - correction
    if (_get_high_word(angle) >> 20) - (_get_high_word(head) >> 20) > 16:
        before = rest
        correction = count * _REST[0]
        rest = before - correction
        correction = count * _REST[1] - ((before - rest) - correction)
        head = rest - correction
    return count, head, (rest - head) - correction


def _compute_near_zero(head: float, tail: float) -> float:
    """Return the cosine of ``head + tail``, which is at most π/4."""
    word = _get_high_word(head)
    if word < _TINY_WORD:
        return 1.0
    c1, c2, c3, c4, c5, c6 = _COS
    z = head * head
    r = z * (c1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * c6)))))
    if word < _SMALL_WORD:
        return 1.0 - (0.5 * z - (z * r - head * tail))
    quarter = 0.28125 if word > _LARGE_WORD else float(unpack(">d", pack(">II", word - 0x00200000, 0))[0])
    return (1.0 - quarter) - ((0.5 * z - quarter) - (z * r - head * tail))


def _compute_sine(head: float, tail: float) -> float:
    """Return the sine of ``head + tail``, whose absolute value is at most π/4."""
    s1, s2, s3, s4, s5, s6 = _SIN
    z = head * head
    v = z * head
    r = s2 + z * (s3 + z * (s4 + z * (s5 + z * s6)))
    return head - ((z * (0.5 * tail - v * r) - tail) - v * s1)
