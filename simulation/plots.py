"""Plots of runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulation.scenarios import SCENARIOS

#: Files, the scenarios in each, and the gauges: the first on the left axis, the second on the right.
PANELS = {
    "million.png": (("million", "million_wide"), ("bulk queue", "worker")),
    "outage.png": (("outage", "outage_wide"), ("open", "worker")),
}


def draw(series: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Draw what was looked at in each run."""
    import matplotlib as mpl  # noqa: PLC0415 - only for plots, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after its backend is set

    folder.mkdir(exist_ok=True)
    for file, (names, (left, right)) in PANELS.items():
        drawn = [name for name in names if name in series]
        if not drawn:
            continue
        figure, panels = plt.subplots(1, len(drawn), figsize=(4.2 * len(drawn), 3), layout="constrained", squeeze=False)
        for panel, name in zip(panels[0], drawn, strict=True):
            minutes = [moment / 60 for moment in series[name]["times"]]
            panel.plot(minutes, series[name][left], color="#1a73e8", linewidth=1.2)
            panel.set_ylabel(left, color="#1a73e8", fontsize=8)
            other = panel.twinx()
            other.plot(minutes, series[name][right], color="#b3261e", linewidth=0.8)
            other.set_ylabel(f"{right}, at a time", color="#b3261e", fontsize=8)
            for axis in (panel, other):
                axis.set_ylim(bottom=0)
                axis.tick_params(labelsize=7)
            panel.set_xlabel("minutes", fontsize=8)
            panel.set_title(SCENARIOS[name].title, fontsize=8)
        figure.savefig(folder / file, dpi=90)
        plt.close(figure)
