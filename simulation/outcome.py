"""What a run came to, as JSON takes it."""

from collections.abc import Iterable, Sequence
from typing import Any

from simulation.cost import cost
from simulation.jobs import Jobs, State
from simulation.world import World


def outcome(world: World, seconds: float) -> dict[str, Any]:
    """Tell all that a run of so many seconds was made for."""
    jobs, table = world.jobs, world.table
    partitions = {**table.partitions(), **world.store.partitions()}
    dollars = cost(world)
    ended = max(1, len(jobs) - jobs.open)
    return {
        "seconds": round(seconds, 1),
        "pictures": {"offered": world.asked.offered, "accepted": world.asked.accepted, "given_up": world.asked.given_up}
        | {state.name.lower(): jobs.counts[state] for state in State}
        | {"dead_neighbours": sum(jobs.state[job] == State.DEAD and not jobs.poison[job] for job in range(len(jobs)))},
        "requests": {
            "all": world.asked.requests,
            "throttled": world.asked.throttled,
            "faults": world.asked.faults,
        },
        "latency": {
            "single": latencies(jobs, is_bulk=False),
            "bulk": latencies(jobs, is_bulk=True),
        },
        "most": {name: world.gauges.most(name) for name in world.gauges.series}
        | {"worker": world.worker.most, "api": world.api.most},
        "worker": {
            "deliveries": world.worker.invocations,
            "cold_starts": world.worker.cold_starts,
            "throttles": world.worker.throttles + world.api.throttles,
            "attempts_at_most": max(jobs.attempts, default=0),
        },
        "dead_letters": world.interactive.died + world.bulk.died,
        "told_again": world.reconciler.swept,
        "hottest": {
            name: {
                "per_second": max(each.most for each in group),
                "limit": group[0].per_second,
                "delayed": sum(each.delayed for each in group),
                "refused": sum(each.refused for each in group),
            }
            for name, group in partitions.items()
        },
        "dollars_per_million": {service: round(each / ended * 1e6, 2) for service, each in dollars.items()}
        | {"all": round(sum(dollars.values()) / ended * 1e6, 2)},
    }


def latencies(jobs: Jobs, *, is_bulk: bool) -> dict[str, float]:
    """Return the middle, the 99th of a hundred and the longest time from acceptance to COMPLETED, seconds."""
    times = sorted(
        jobs.ended[job] - jobs.created[job]
        for job in range(len(jobs))
        if jobs.state[job] == State.COMPLETED and jobs.is_bulk[job] == is_bulk
    )
    if not times:
        return {}
    return {"p50": _at(times, 0.5), "p99": _at(times, 0.99), "most": round(times[-1], 2)}


def completions(jobs: Jobs, period: float) -> dict[float, int]:
    """Count the completed jobs of each period."""
    counts: dict[float, int] = {}
    for moment in _ends(jobs):
        begin = moment // period * period
        counts[begin] = counts.get(begin, 0) + 1
    return counts


def _ends(jobs: Jobs) -> Iterable[float]:
    return (jobs.ended[job] for job in range(len(jobs)) if jobs.state[job] == State.COMPLETED)


def _at(times: Sequence[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2)
