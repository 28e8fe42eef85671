"""Measure the peak memory of the default job on one large photograph for each contender.

``python benchmarks/large_images.py PHOTOGRAPH`` enlarges the photograph to 24 and to 100 megapixels and prints a
Markdown table of the memory of the whole process.
"""

import argparse
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

from bench_jobs import BY_NAME
from PIL import Image
from pixels import CONTENDERS
from process_usage import measure

#: Width and height in pixels, by the number of megapixels.
SIZES = {24: (6000, 4000), 100: (12_240, 8_170)}


def main() -> None:
    """Measure each contender and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph", type=Path, help="JPEG file")
    photograph: Path = parser.parse_args().photograph
    installed = [contender for contender in CONTENDERS if not contender.is_missing()]
    print("| Megapixels | Contender | Peak, MiB | ÷ Pillow, tutorial |\n| ---: | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels, size in SIZES.items():
            file = Path(folder) / f"{megapixels}.jpg"
            # Use a separate process, because the memory of this process must stay small (process_usage.measure).
            process = get_context("spawn").Process(target=enlarge, args=(photograph, size, file))
            process.start()
            process.join()
            peaks = {
                contender.title: measure([*contender.command(BY_NAME["default"]), folder, str(file)]).peak
                for contender in installed
            }
            for title, peak in peaks.items():
                ratio = peak / peaks["Pillow, tutorial"]
                print(f"| {megapixels} | {title} | {peak / 2**20:.0f} | {ratio:.2f} |")
                sys.stdout.flush()


def enlarge(photograph: Path, size: tuple[int, int], file: Path) -> None:
    """Save a photograph with another size."""
    with Image.open(photograph) as image:
        image.convert("RGB").resize(size).save(file, quality=88)


if __name__ == "__main__":
    main()
