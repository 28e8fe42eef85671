"""Parameters of tests that ``make test`` tries in part, and ``make test-all`` in full."""

from collections.abc import Iterable
from typing import Any

import pytest


def every(step: int, values: Iterable[Any]) -> list[pytest.ParameterSet]:
    """Return parameters: all with ``--thorough``, otherwise every ``step``-th, from the first."""
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            marks=[pytest.mark.thorough] if number % step else [],
        )
        for number, value in enumerate(values)
    ]
