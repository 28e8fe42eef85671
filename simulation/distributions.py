"""Probability distributions of durations, in seconds."""

import random
from collections.abc import Callable, Sequence

#: Draws one duration.
Distribution = Callable[[random.Random], float]


def constant(seconds: float) -> Distribution:
    """Return a distribution with a single value."""
    return lambda _rng: seconds


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution."""
    return lambda rng: low + (high - low) * rng.random()


def exponential(mean: float) -> Distribution:
    """Return the exponential distribution."""
    return lambda rng: rng.expovariate(1 / mean)


def empirical(samples: Sequence[float], factor: float = 1.0) -> Distribution:
    """Return the distribution of the samples, each multiplied by ``factor``."""
    values = [sample * factor for sample in samples]
    return lambda rng: values[int(rng.random() * len(values))]
