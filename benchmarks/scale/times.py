"""How long the parts of one picture take."""

from dataclasses import dataclass

from scale.draws import Draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Durations of the parts of one picture."""

    render: Draw
    refuse: Draw
    accept: Draw
    overhead: Draw
    transfer: Draw
    """Of one call of S3."""
    dispatch: Draw
    cold_start: Draw
