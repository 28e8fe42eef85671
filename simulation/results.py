"""The results of a run as JSON-compatible data."""

from collections.abc import Iterable, Sequence
from typing import Any

from simulation.cost import compute_cost
from simulation.deployment import GUEST, Deployment
from simulation.jobs import Jobs, State


def collect_results(deployment: Deployment, seconds: float) -> dict[str, Any]:
    """Return all results of a run that took ``seconds`` of simulated time."""
    jobs, table, counts = deployment.jobs, deployment.table, deployment.counts
    worker, api, gauges = deployment.worker_function, deployment.api_function, deployment.gauges
    partitions = {**table.partitions(), **deployment.bucket.partitions()}
    dollars = compute_cost(deployment)
    ended = max(1, len(jobs) - jobs.open)
    healthy_dead = sum(jobs.state[job] == State.DEAD and not jobs.defect[job] for job in range(len(jobs)))
    return {
        "seconds": round(seconds, 1),
        "images": {"offered": counts.offered, "accepted": counts.accepted, "abandoned": counts.abandoned}
        | {state.name.lower(): jobs.counts[state] for state in State}
        | {"healthy_dead": healthy_dead},
        "requests": {"all": counts.requests, "throttled": counts.throttled, "faults": counts.faults},
        "latency": {
            "single": compute_latencies(jobs, is_bulk=False),
            "bulk": compute_latencies(jobs, is_bulk=True),
        },
        "guests": {
            "single": compute_latencies(jobs, is_bulk=False, owner=GUEST),
            "bulk": compute_latencies(jobs, is_bulk=True, owner=GUEST),
        },
        "maximum": {name: gauges.maximum(name) for name in gauges.series}
        | {"worker": worker.max_running, "api": api.max_running},
        "worker": {
            "deliveries": worker.invocations,
            "cold_starts": worker.cold_starts,
            "throttles": worker.throttles + api.throttles,
            "max_attempts": max(jobs.attempts, default=0),
        },
        "dead_letters": deployment.interactive.dead_letters + deployment.bulk.dead_letters,
        "requeued": deployment.reconciler.requeued,
        "partitions": {
            name: {
                "peak": max(each.peak for each in group),
                "limit": group[0].per_second,
                "delayed": sum(each.delayed for each in group),
                "refused": sum(each.refused for each in group),
            }
            for name, group in partitions.items()
        },
        "dollars_per_million": {service: round(each / ended * 1e6, 2) for service, each in dollars.items()}
        | {"all": round(sum(dollars.values()) / ended * 1e6, 2)},
    }


def compute_latencies(jobs: Jobs, *, is_bulk: bool, owner: int | None = None) -> dict[str, float]:
    """Return the median, the 99th percentile and the maximum of the seconds from acceptance to COMPLETED.

    With ``owner``, only of the jobs of this owner.
    """
    times = sorted(
        jobs.ended[job] - jobs.created[job]
        for job in range(len(jobs))
        if jobs.state[job] == State.COMPLETED
        and jobs.is_bulk[job] == is_bulk
        and (owner is None or jobs.owner[job] == owner)
    )
    if not times:
        return {}
    return {"p50": _percentile(times, 0.5), "p99": _percentile(times, 0.99), "max": round(times[-1], 2)}


def count_completions(jobs: Jobs, period: float) -> dict[float, int]:
    """Return how many jobs completed in each period. The keys are the start times of the periods."""
    counts: dict[float, int] = {}
    for time in _completion_times(jobs):
        start = time // period * period
        counts[start] = counts.get(start, 0) + 1
    return counts


def _completion_times(jobs: Jobs) -> Iterable[float]:
    return (jobs.ended[job] for job in range(len(jobs)) if jobs.state[job] == State.COMPLETED)


def _percentile(times: Sequence[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2)
