"""Results as Markdown, for ``docs/scaling.md``."""

from collections.abc import Iterable, Mapping
from typing import Any

from simulation.availability import PATHS, PROMISED, if_outages, if_scattered
from simulation.bounds import bounds, peak
from simulation.limits import LIMITS
from simulation.prices import PRICES
from simulation.scenarios import SCENARIOS
from simulation.settings import Settings

#: Outcomes by the name of their scenario.
Results = Mapping[str, Mapping[str, Any]]


def summary(results: Results) -> str:
    """Write one row for each scenario."""
    head = (
        "Scenario",
        "Completed",
        "All done after",
        "Single, p50 / p99",
        "Bulk, p50 / p99",
        "Waiting at most",
        "Worker at most",
        "Dead letters",
        "Told again",
        "$ a million",
    )
    return table(head, (_row(name, each) for name, each in results.items()))


def hottest(results: Results) -> str:
    """Write the busiest second of each partition, scenario by scenario."""
    names = list(next(iter(results.values()))["hottest"])
    head = ("Scenario", *(f"{name} ({int(_limit(results, name)):,})" for name in names))
    rows = (
        (SCENARIOS[each].title, *(_heat(found["hottest"][name]) for name in names)) for each, found in results.items()
    )
    return table(head, rows)


def dollars(results: Results) -> str:
    """Write what a million images cost, by service."""
    services = list(next(iter(results.values()))["dollars_per_million"])
    head = ("Scenario", *services)
    rows = (
        (SCENARIOS[name].title, *(f"{found['dollars_per_million'][service]:.2f}" for service in services))
        for name, found in results.items()
    )
    return table(head, rows)


def limits() -> str:
    """Write every figure that the model takes from AWS, or assumes."""
    rows = (
        (
            f"`{name}`",
            f"{each.value:,g} {each.unit}",
            each.source or "assumed",
            each.note + (", assumed" if each.assumed and each.source else ""),
        )
        for name, each in LIMITS.items()
    )
    return table(("Figure", "Value", "Source", "Note"), rows)


def prices() -> str:
    """Write every price."""
    rows = (
        (each.unit, f"{each.dollars:.10f}".rstrip("0"), each.source + ("" if each.confirmed else " (not confirmed)"))
        for each in PRICES.values()
    )
    return table(("For one", "$", "Source"), rows)


#: Images a day.
VOLUMES = (1e4, 1e6, 1e8)


def bearing(settings: Settings) -> str:
    """Write how much of each bound three volumes take in their busiest hour."""
    head = ("Bound", "Pictures a second", *(f"{volume:,.0f} a day" for volume in VOLUMES), "Then")
    rows = (
        (
            bound.name,
            f"{bound.pictures:,.0f}",
            *(_share(peak(volume) / bound.pictures) for volume in VOLUMES),
            bound.remedy,
        )
        for bound in bounds(settings)
    )
    return table(head, rows)


def availability() -> str:
    """Write what follows for each thing that a caller wants."""
    head = ("What", "Faults are outages", "Faults are scattered, one try", "two tries")
    rows = (
        (path.name, *(f"{100 * value:.4g} %" if value < 0.9999 else f"{100 * value:.7g} %" for value in values))
        for path in PATHS
        for values in [(if_outages(path), if_scattered(path), if_scattered(path, 2))]
    )
    return table(head, rows)


def agreements() -> str:
    """Write what AWS promises."""
    rows = ((service, f"{100 * share:g} %", source) for service, (share, source) in PROMISED.items())
    return table(("Service", "Monthly uptime", "Source"), rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    pictures, most = found["pictures"], found["most"]
    not_done = ", ".join(
        f"{pictures[state]:,} {state}" for state in ("failed", "dead", "pending", "given_up") if pictures[state]
    )
    return (
        SCENARIOS[name].title,
        f"{pictures['completed']:,}" + (f" ({not_done.replace('given_up', 'refused')})" if not_done else ""),
        duration(found["seconds"]),
        _latency(found["latency"]["single"]),
        _latency(found["latency"]["bulk"]),
        f"{int(most['interactive queue'] + most['bulk queue']):,}",
        f"{int(most['worker']):,}",
        f"{found['dead_letters']:,}",
        f"{found['told_again']:,}",
        f"{found['dollars_per_million']['all']:.2f}",
    )


def duration(seconds: float) -> str:
    """Write a time as one reads it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _share(share: float) -> str:
    return f"**{100 * share:,.0f} %**" if share > 1 else f"{100 * share:.2g} %"


def _latency(found: Mapping[str, float]) -> str:
    return f"{duration(found['p50'])} / {duration(found['p99'])}" if found else "–"


def _heat(found: Mapping[str, float]) -> str:
    refused = f", {int(found['refused']):,} refused" if found["refused"] else ""
    return f"{found['per_second']:,.0f}{refused}"


def _limit(results: Results, name: str) -> float:
    return max(float(found["hottest"][name]["limit"]) for found in results.values())
