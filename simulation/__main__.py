"""Simulates Safelight on AWS under load and prints what came of it.

``python -m simulation [--quick] [--only NAME …] [--json FILE] [--plots FOLDER]``: each scenario of
``simulation/scenarios.py`` with the template's settings, as Markdown tables. ``--quick`` takes a twentieth of the
images. ``--slower 2`` takes pixels and functions twice as long as measured. ``--sources`` prints every figure of AWS
with its source instead, ``--bounds`` what each setting and quota bears and what availability follows from the parts.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from simulation import tables
from simulation.outcome import outcome
from simulation.plots import draw
from simulation.scenarios import SCENARIOS, Scenario
from simulation.settings import Settings
from simulation.times import Times
from simulation.world import World

QUICK = 20


def main() -> None:
    """Run what is asked for."""
    asked = read_arguments()
    if asked.sources:
        print(tables.limits(), tables.prices(), tables.agreements(), sep="\n\n")
        return
    if asked.bounds:
        print(tables.bearing(Settings.of_template()), tables.availability(), sep="\n\n")
        return
    results: dict[str, Any] = {}
    series: dict[str, Any] = {}
    for name in asked.only or SCENARIOS:
        scenario = SCENARIOS[name].smaller(QUICK) if asked.quick else SCENARIOS[name]
        began = time.process_time()
        world, seconds = run(scenario, slower=asked.slower)
        results[name] = outcome(world, seconds)
        series[name] = {"times": world.gauges.times, **world.gauges.series}
        print(f"<!-- {name}: {time.process_time() - began:.0f} s -->", flush=True)
    print(tables.summary(results), tables.hottest(results), tables.dollars(results), sep="\n\n")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if asked.plots:
        draw(series, asked.plots)


def run(scenario: Scenario, *, slower: float = 1, seed: int = 1) -> tuple[World, float]:
    """Simulate one scenario; return its world and how long it ran."""
    settings = Settings.of_template(**scenario.changes)
    world = World(settings, Times.on_aws(slower=slower), scenario.load, seed, period=scenario.period)
    return world, world.run(scenario.most)


def read_arguments() -> argparse.Namespace:
    """Read what is to be simulated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the pictures")
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, help="these scenarios alone")
    parser.add_argument("--slower", type=float, default=1, help="factor of pixels and functions")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--plots", type=Path, help="folder for plots")
    parser.add_argument("--sources", action="store_true", help="print the figures of AWS and their sources")
    parser.add_argument("--bounds", action="store_true", help="print what binds, without a simulation")
    return parser.parse_args()


if __name__ == "__main__":
    main()
