"""Shorthand options of a job as keyword arguments: ``submit(image, width=300, format="webp")``."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from safelight.connection import Option


class JobOptions(TypedDict, total=False):
    """The options that the API accepts beside a pipeline or a preset. docs/api.md describes each."""

    width: int
    height: int
    fit: str
    enlarge: bool
    grayscale: bool
    format: str
    quality: int
    widths: Sequence[int]
    formats: Sequence[str]
    facts: Mapping[str, bool]
    webhook: str


def combine(options: Mapping[str, Option] | None, **keywords: Unpack[JobOptions]) -> dict[str, Option]:
    """Return the options of a mapping and of keyword arguments. Raises TypeError for an unknown or repeated keyword."""
    given: dict[str, Any] = dict(keywords)
    unknown = sorted(given.keys() - JobOptions.__optional_keys__)
    if unknown:
        known = ", ".join(sorted(JobOptions.__optional_keys__))
        raise TypeError(f"{unknown[0]} is not an option of a job. The options are {known}.")
    repeated = sorted(given.keys() & (options or {}).keys())
    if repeated:
        raise TypeError(f"{repeated[0]} is given twice: as a keyword argument and in options.")
    return {**(options or {}), **given}
