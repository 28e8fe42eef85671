"""Durations as distributions: functions that draw one, in seconds."""

import random
from collections.abc import Callable, Sequence

Draw = Callable[[random.Random], float]


def fixed(seconds: float) -> Draw:
    """Draw the same every time."""
    return lambda _dice: seconds


def between(least: float, most: float) -> Draw:
    """Draw evenly."""
    return lambda dice: least + (most - least) * dice.random()


def exponential(mean: float) -> Draw:
    """Draw what has no memory."""
    return lambda dice: dice.expovariate(1 / mean)


def one_of(measured: Sequence[float], factor: float = 1.0) -> Draw:
    """Draw one of those that were measured, ``factor`` times as long."""
    values = [value * factor for value in measured]
    return lambda dice: values[int(dice.random() * len(values))]
