"""Limits of images: the largest allowed value passes, the next one does not."""

from collections.abc import Callable

import pytest

from shared.errors import SafelightError, SideTooLong, TooManyBytes, TooManyFrames, TooManyPixels, TooManyTotalPixels
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.operations.parameters import MAX_SIDE

LIMITS = Limits(max_bytes=100, max_pixels=50, max_side=10, max_frames=4, max_total_pixels=60)


@pytest.mark.parametrize(
    ("check", "allowed", "refused", "error"),
    [
        (LIMITS.check_bytes, (100,), (101,), TooManyBytes),
        (LIMITS.check_size, ((10, 5),), ((11, 1),), SideTooLong),
        (LIMITS.check_size, ((5, 10),), ((1, 11),), SideTooLong),
        (LIMITS.check_size, ((7, 7),), ((9, 6),), TooManyPixels),
        (LIMITS.check_frames, (4, (3, 5)), (5, (1, 1)), TooManyFrames),
        (LIMITS.check_frames, (1, (10, 6)), (4, (4, 4)), TooManyTotalPixels),
        (check_result_size, ((MAX_SIDE, MAX_SIDE),), ((1, MAX_SIDE + 1),), SideTooLong),
        (check_result_size, ((1, 1),), ((MAX_SIDE + 1, 1),), SideTooLong),
    ],
)
def test_limits_are_exact(
    check: Callable[..., None], allowed: tuple[object, ...], refused: tuple[object, ...], error: type[SafelightError]
) -> None:
    """Each side, each file, each animation."""
    check(*allowed)
    with pytest.raises(error):
        check(*refused)
