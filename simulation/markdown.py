"""Formatting of results as Markdown tables for ``docs/scaling.md``."""

from collections.abc import Iterable, Mapping
from typing import Any

from simulation.availability import (
    AGREEMENTS,
    REQUEST_PATHS,
    compute_outage_availability,
    compute_scattered_availability,
)
from simulation.bounds import compute_bounds, compute_peak_rate
from simulation.limits import LIMITS
from simulation.prices import PRICES
from simulation.scenarios import FAIRNESS, SCENARIOS
from simulation.settings import Settings

#: Results by scenario name.
Results = Mapping[str, Mapping[str, Any]]
#: Images per day.
VOLUMES = (1e4, 1e6, 1e8)


def format_summary(results: Results) -> str:
    """Return the table of the most important results, with one row per scenario."""
    head = (
        "Scenario",
        "Completed",
        "Duration",
        "Single, p50 / p99",
        "Bulk, p50 / p99",
        "Max. waiting",
        "Max. worker",
        "Dead letters",
        "Requeued",
        "$ per million",
    )
    return format_table(head, (_summary_row(name, result) for name, result in results.items()))


def format_fairness(results: Results) -> str:
    """Return the table of the latencies of owner B, with one row per scenario."""
    head = ("Scenario", "B interactive, p50 / p99", "B bulk, p50 / p99", "All jobs done after")
    rows = (
        (
            FAIRNESS[name].title,
            _latency(result["guests"]["single"]),
            _latency(result["guests"]["bulk"]),
            format_duration(result["seconds"]),
        )
        for name, result in results.items()
    )
    return format_table(head, rows)


def format_partitions(results: Results) -> str:
    """Return the table of the units in each partition's busiest second, with one row per scenario."""
    names = list(next(iter(results.values()))["partitions"])
    head = ("Scenario", *(f"{name} ({int(_limit(results, name)):,})" for name in names))
    rows = (
        (SCENARIOS[scenario].title, *(_peak(result["partitions"][name]) for name in names))
        for scenario, result in results.items()
    )
    return format_table(head, rows)


def format_costs(results: Results) -> str:
    """Return the table of the cost of a million images by service, with one row per scenario."""
    services = list(next(iter(results.values()))["dollars_per_million"])
    head = ("Scenario", *services)
    rows = (
        (SCENARIOS[name].title, *(f"{result['dollars_per_million'][service]:.2f}" for service in services))
        for name, result in results.items()
    )
    return format_table(head, rows)


def format_limits() -> str:
    """Return the table of all AWS figures and assumptions in the model."""
    rows = (
        (
            f"`{name}`",
            f"{each.value:,g} {each.unit}",
            each.source or "assumed",
            each.note + (", assumed" if each.assumed and each.source else ""),
        )
        for name, each in LIMITS.items()
    )
    return format_table(("Figure", "Value", "Source", "Note"), rows)


def format_prices() -> str:
    """Return the table of all prices."""
    rows = (
        (each.unit, f"{each.dollars:.10f}".rstrip("0"), each.source + ("" if each.confirmed else " (not confirmed)"))
        for each in PRICES.values()
    )
    return format_table(("Unit", "$", "Source"), rows)


def format_bounds(settings: Settings) -> str:
    """Return the table of the share of each bound that the busiest hour uses, for each number of images per day."""
    head = ("Bound", "Images per second", *(f"{volume:,.0f} per day" for volume in VOLUMES), "Remedy")
    rows = (
        (
            bound.name,
            f"{bound.images_per_second:,.0f}",
            *(_share(compute_peak_rate(volume) / bound.images_per_second) for volume in VOLUMES),
            bound.remedy,
        )
        for bound in compute_bounds(settings)
    )
    return format_table(head, rows)


def format_availability() -> str:
    """Return the table of the availability of each request."""
    head = ("Request", "Every fault is an outage", "Scattered faults, one attempt", "Scattered faults, two attempts")
    rows = (
        (path.name, *(f"{100 * value:.4g} %" if value < 0.9999 else f"{100 * value:.7g} %" for value in values))
        for path in REQUEST_PATHS
        for values in [
            (
                compute_outage_availability(path),
                compute_scattered_availability(path),
                compute_scattered_availability(path, 2),
            )
        ]
    )
    return format_table(head, rows)


def format_agreements() -> str:
    """Return the table of the monthly uptime of each AWS service, below which AWS refunds money."""
    rows = ((service, f"{100 * share:g} %", source) for service, (share, source) in AGREEMENTS.items())
    return format_table(("Service", "Monthly uptime", "Source"), rows)


def format_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def format_duration(seconds: float) -> str:
    """Return a duration as text in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _summary_row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    images, maximum = result["images"], result["maximum"]
    not_completed = ", ".join(
        f"{images[state]:,} {state}" for state in ("failed", "dead", "pending", "abandoned") if images[state]
    )
    return (
        SCENARIOS[name].title,
        f"{images['completed']:,}" + (f" ({not_completed})" if not_completed else ""),
        format_duration(result["seconds"]),
        _latency(result["latency"]["single"]),
        _latency(result["latency"]["bulk"]),
        f"{int(maximum['interactive queue'] + maximum['bulk queue']):,}",
        f"{int(maximum['worker']):,}",
        f"{result['dead_letters']:,}",
        f"{result['requeued']:,}",
        f"{result['dollars_per_million']['all']:.2f}",
    )


def _share(share: float) -> str:
    return f"**{100 * share:,.0f} %**" if share > 1 else f"{100 * share:.2g} %"


def _latency(latencies: Mapping[str, float]) -> str:
    return f"{format_duration(latencies['p50'])} / {format_duration(latencies['p99'])}" if latencies else "–"


def _peak(partition: Mapping[str, float]) -> str:
    refused = f", {int(partition['refused']):,} refused" if partition["refused"] else ""
    return f"{partition['peak']:,.0f}{refused}"


def _limit(results: Results, name: str) -> float:
    return max(float(result["partitions"][name]["limit"]) for result in results.values())
