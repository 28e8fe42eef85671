"""Durations of single steps. ``benchmarks/calibrate_simulation.py`` measured the CPU times on real images."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulation.distributions import Distribution, constant, empirical, uniform
from simulation.limits import get_limit

STEP_TIMES_FILE = Path(__file__).with_name("step_times.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Durations of the steps in which one image is processed."""

    render: Distribution
    reject: Distribution
    accept: Distribution
    overhead: Distribution
    #: One S3 call.
    transfer: Distribution
    dispatch: Distribution
    cold_start: Distribution

    @classmethod
    def on_aws(cls, step_times: Path = STEP_TIMES_FILE, *, slower: float = 1.0) -> Self:
        """Return the measured CPU times, multiplied by ``slower``, and AWS's figures for the other steps."""
        data = json.loads(step_times.read_text("utf-8"))
        return cls(
            # The child process and the worker process share one CPU core.
            render=empirical([seconds + data["record_worker"] for seconds in data["render"]], slower),
            reject=constant((data["reject"] + data["record_worker"]) * slower),
            accept=constant(data["post_api"] * slower),
            overhead=constant(data["delivery_worker"] * slower),
            transfer=uniform(get_limit("s3_min_latency"), get_limit("s3_max_latency")),
            dispatch=constant(2 * get_limit("queue_latency")),
            cold_start=constant(get_limit("cold_start")),
        )
