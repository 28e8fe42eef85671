"""How long things take that are not AWS's: measured on real images, by ``simulation/calibration.py``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulation.draws import Draw, between, fixed, one_of
from simulation.limits import limit

MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Durations of the parts of one image."""

    render: Draw
    refuse: Draw
    accept: Draw
    overhead: Draw
    #: Of one call of S3.
    transfer: Draw
    dispatch: Draw
    cold_start: Draw

    @classmethod
    def on_aws(cls, measured: Path = MEASURED, *, slower: float = 1.0) -> Self:
        """Take what was measured here, ``slower`` times as long, and AWS's own figures for the rest."""
        data = json.loads(measured.read_text("utf-8"))
        return cls(
            # One processor does both, the pixels and what the worker does around them.
            render=one_of([seconds + data["record_worker"] for seconds in data["render"]], slower),
            refuse=fixed((data["refuse"] + data["record_worker"]) * slower),
            accept=fixed(data["post_api"] * slower),
            overhead=fixed(data["delivery_worker"] * slower),
            transfer=between(limit("store_least_latency"), limit("store_most_latency")),
            dispatch=fixed(2 * limit("queue_latency")),
            cold_start=fixed(limit("cold_start")),
        )
