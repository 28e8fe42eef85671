"""JSON in the one form that equal values have, so that it can be compared and hashed (RFC 8785).

Members sorted by their names, no space, numbers as ECMAScript writes them, everything else as short as it can be.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Final

Value = None | bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]

_LARGEST: Final = 2**53
"""Beyond it whole numbers are read as the nearest double (RFC 7493, 2.2)."""


def canonical(value: Value) -> str:
    """Write a value. Raises ValueError for what JSON or the form has no place for."""
    if isinstance(value, Mapping):
        # By UTF-16 code units: section 3.2.3.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return "[" + ",".join(canonical(each) for each in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return _number(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(number: float) -> str:
    """Write a number: section 3.2.2.3, which is ECMAScript's Number::toString."""
    if abs(number) <= _LARGEST and number == int(number):
        return str(int(number))  # also of -0.0
    try:
        double = float(number)
    except OverflowError as error:
        raise ValueError("A number is too large for any reader.") from error
    if not isfinite(double):
        raise ValueError("Infinities, and what is no number, have no form.")
    shortest = Decimal(repr(double)).normalize()
    exponent = shortest.adjusted()
    if -6 <= exponent <= 20:  # ECMAScript's bounds of plain notation
        return f"{shortest:f}"
    digits = "".join(map(str, shortest.as_tuple().digits))
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{'-' if number < 0 else ''}{digits[0]}{fraction}e{exponent:+d}"
