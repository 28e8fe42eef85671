"""Probability distributions of durations, in seconds."""

import random
from collections.abc import Callable, Sequence

#: A function that returns a random duration.
Distribution = Callable[[random.Random], float]


def constant(seconds: float) -> Distribution:
    """Return the distribution that has only one value."""
    return lambda _rng: seconds


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution from ``low`` to ``high``."""
    return lambda rng: low + (high - low) * rng.random()


def exponential(mean: float) -> Distribution:
    """Return the exponential distribution with the given mean."""
    return lambda rng: rng.expovariate(1 / mean)


def empirical(samples: Sequence[float], factor: float = 1.0) -> Distribution:
    """Return the distribution of the samples, each multiplied by ``factor``."""
    values = [sample * factor for sample in samples]
    return lambda rng: values[int(rng.random() * len(values))]
