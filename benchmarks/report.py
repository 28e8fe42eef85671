"""Make tables and a plot of what ``benchmarks/pixels.py`` measured.

``python benchmarks/report.py PIXELS_JSON… [--plot docs/pixels.png]`` prints Markdown.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from contest import BY_NAME
from pixels import OURS


def main() -> None:
    """Print the tables, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    results = [json.loads(path.read_text("utf-8")) for path in asked.results]
    for result in results:
        for name in dict.fromkeys(score["job"] for score in result["scores"]):
            scores = [score for score in result["scores"] if score["job"] == name]
            print(f"\n**{BY_NAME[name].title}**, {result['files']} photographs, rounds: {result['rounds']}\n")
            print_table(scores)
    if asked.plot:
        draw([score for result in results for score in result["scores"]], asked.plot)


def print_table(scores: list[dict[str, Any]]) -> None:
    """Print one job's contenders, and what Safelight's CPU is of each one's."""
    ours = next(score["cpu"] for score in scores if score["contender"] == OURS.title)
    print("| Contender | CPU, ms | Safelight ÷ it | Wall, ms | Peak, MiB | KiB | PSNR, dB | SSIM |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for score in scores:
        alike = f"{score['psnr']:.1f} | {score['ssim']:.4f}" if score["psnr"] is not None else "– | –"
        print(
            f"| {score['contender']} | {score['cpu']:.1f} | {ours / score['cpu']:.2f} | {score['wall']:.0f} |"
            f" {score['peak'] / 2**20:.0f} | {score['size'] / 1024:.1f} | {alike} |",
        )


def draw(scores: list[dict[str, Any]], file: Path) -> None:
    """Draw CPU an image as bars, job by job."""
    import matplotlib as mpl  # noqa: PLC0415 - only for the plot, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after its backend is set

    names = list(dict.fromkeys(score["job"] for score in scores))
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 3.4), layout="constrained")
    for panel, name in zip(panels if len(names) > 1 else [panels], names, strict=True):
        entered = [score for score in reversed(scores) if score["job"] == name]
        titles = [score["contender"] for score in entered]
        colors = ["#b3261e" if title == OURS.title else "#9aa0a6" for title in titles]
        bars = panel.barh(titles, [score["cpu"] for score in entered], color=colors)
        panel.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
        panel.margins(x=0.18)
        panel.set_title(BY_NAME[name].title, fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("CPU, milliseconds an image (less is better)", fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
