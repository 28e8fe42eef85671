"""Plots of the gauges."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulation.scenarios import SCENARIOS

#: The scenarios and gauges of each file. The first gauge uses the left axis, and the second gauge the right axis.
PANELS = {
    "million.png": (("million", "million_500"), ("bulk queue", "worker")),
    "outage.png": (("outage", "outage_500"), ("open jobs", "worker")),
}


def save_plots(series: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Draw the plots of the scenarios that were run."""
    import matplotlib as mpl  # noqa: PLC0415 - needed only for plots, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - must be imported after the backend is set

    folder.mkdir(exist_ok=True)
    for file, (names, (left, right)) in PANELS.items():
        present = [name for name in names if name in series]
        if not present:
            continue
        figure, panels = plt.subplots(
            1, len(present), figsize=(4.2 * len(present), 3), layout="constrained", squeeze=False
        )
        for panel, name in zip(panels[0], present, strict=True):
            minutes = [seconds / 60 for seconds in series[name]["times"]]
            panel.plot(minutes, series[name][left], color="#1a73e8", linewidth=1.2)
            panel.set_ylabel(left, color="#1a73e8", fontsize=8)
            second = panel.twinx()
            second.plot(minutes, series[name][right], color="#b3261e", linewidth=0.8)
            second.set_ylabel(f"concurrent {right} invocations", color="#b3261e", fontsize=8)
            for axis in (panel, second):
                axis.set_ylim(bottom=0)
                axis.tick_params(labelsize=7)
            panel.set_xlabel("minutes", fontsize=8)
            panel.set_title(SCENARIOS[name].title.replace("`", ""), fontsize=8)
        figure.savefig(folder / file, dpi=90)
        plt.close(figure)
