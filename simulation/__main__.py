"""Simulate Safelight on AWS under load and print the results as Markdown tables.

With ``--sources``, print every AWS figure with its source instead. With ``--bounds``, print how many images per second
each setting and quota allows, and the availability that follows from AWS's service level agreements. With
``--fairness``, print how long one owner waits while another owner has a million jobs in each queue.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from simulation import markdown
from simulation.deployment import Deployment
from simulation.durations import Durations
from simulation.plots import save_plots
from simulation.results import collect_results
from simulation.scenarios import FAIRNESS, SCENARIOS, Scenario
from simulation.settings import Settings

QUICK_FACTOR = 20


def main() -> None:
    """Run the requested scenarios, or print the requested tables."""
    arguments = parse_arguments()
    if arguments.sources:
        print(markdown.format_limits(), markdown.format_prices(), markdown.format_agreements(), sep="\n\n")
        return
    if arguments.bounds:
        print(markdown.format_bounds(Settings.from_template()), markdown.format_availability(), sep="\n\n")
        return
    results: dict[str, Any] = {}
    series: dict[str, Any] = {}
    scenarios = FAIRNESS if arguments.fairness else {name: SCENARIOS[name] for name in arguments.only or SCENARIOS}
    for name, chosen in scenarios.items():
        scenario = chosen.scale_down(QUICK_FACTOR) if arguments.quick else chosen
        started = time.process_time()
        deployment, seconds = run_scenario(scenario, slower=arguments.slower)
        results[name] = collect_results(deployment, seconds)
        series[name] = {"times": deployment.gauges.times, **deployment.gauges.series}
        print(f"<!-- {name}: {time.process_time() - started:.0f} s -->", flush=True)
    if arguments.fairness:
        print(markdown.format_fairness(results))
        return
    print(
        markdown.format_summary(results),
        markdown.format_partitions(results),
        markdown.format_costs(results),
        sep="\n\n",
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if arguments.plots:
        save_plots(series, arguments.plots)


def run_scenario(scenario: Scenario, *, slower: float = 1, seed: int = 1) -> tuple[Deployment, float]:
    """Simulate one scenario. Return the deployment and the simulated seconds."""
    settings = Settings.from_template(**scenario.settings)
    durations = Durations.on_aws(slower=slower)
    deployment = Deployment(settings, durations, scenario.load, seed, period=scenario.period)
    return deployment, deployment.run(scenario.max_seconds)


def parse_arguments() -> argparse.Namespace:
    """Return the command line arguments."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="simulate 5 %% of the images")
    parser.add_argument("--fairness", action="store_true", help="simulate one owner beside another owner's million")
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, help="simulate only these scenarios")
    parser.add_argument("--slower", type=float, default=1, help="multiply all measured CPU times by this factor")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--plots", type=Path, help="write plots to this folder")
    parser.add_argument("--sources", action="store_true", help="print the AWS figures and their sources")
    parser.add_argument("--bounds", action="store_true", help="print bounds and availability without a simulation")
    return parser.parse_args()


if __name__ == "__main__":
    main()
