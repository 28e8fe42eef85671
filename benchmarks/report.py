"""Format the results of ``benchmarks/pixels.py`` as Markdown tables and a plot.

``python benchmarks/report.py PIXELS_JSON… [--plot docs/pixels.png]`` prints the tables.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from bench_jobs import BY_NAME
from pixels import OURS


def main() -> None:
    """Print the tables and save the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+", help="output of benchmarks/pixels.py")
    parser.add_argument("--plot", type=Path, help="file for the plot")
    arguments = parser.parse_args()
    results = [json.loads(path.read_text("utf-8")) for path in arguments.results]
    for result in results:
        for name in dict.fromkeys(score["job"] for score in result["scores"]):
            scores = [score for score in result["scores"] if score["job"] == name]
            print(f"\n**{BY_NAME[name].title}**, {result['files']} photographs, rounds: {result['rounds']}\n")
            print_table(scores)
    if arguments.plot:
        save_plot([score for result in results for score in result["scores"]], arguments.plot)


def print_table(scores: list[dict[str, Any]]) -> None:
    """Print the table of a job, with one row per contender."""
    ours = next(score["cpu"] for score in scores if score["contender"] == OURS.title)
    print("| Contender | CPU, ms | Safelight ÷ it | Wall, ms | Peak, MiB | KiB | PSNR, dB | SSIM |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for score in scores:
        quality = f"{score['psnr']:.1f} | {score['ssim']:.4f}" if score["psnr"] is not None else "– | –"
        print(
            f"| {score['contender']} | {score['cpu']:.1f} | {ours / score['cpu']:.2f} | {score['wall']:.0f} |"
            f" {score['peak'] / 2**20:.0f} | {score['size'] / 1024:.1f} | {quality} |",
        )


def save_plot(scores: list[dict[str, Any]], file: Path) -> None:
    """Draw the CPU time per image as bars, with one panel per job."""
    import matplotlib as mpl  # noqa: PLC0415 - needed only for the plot, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - must be imported after the backend is set

    names = list(dict.fromkeys(score["job"] for score in scores))
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 3.4), layout="constrained")
    for panel, name in zip(panels if len(names) > 1 else [panels], names, strict=True):
        job_scores = [score for score in reversed(scores) if score["job"] == name]
        titles = [score["contender"] for score in job_scores]
        colors = ["#b3261e" if title == OURS.title else "#9aa0a6" for title in titles]
        bars = panel.barh(titles, [score["cpu"] for score in job_scores], color=colors)
        panel.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
        panel.margins(x=0.18)
        panel.set_title(BY_NAME[name].title, fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("CPU time per image, milliseconds (less is better)", fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
