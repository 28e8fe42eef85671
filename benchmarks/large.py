"""Peak memory of the default job on one large photograph, each contender in a process of its own.

``python benchmarks/large.py PHOTOGRAPH`` enlarges it to 24 and to 100 megapixels and prints a Markdown table. The
share is taken of the whole process, its start included, as a Lambda function would be.
"""

import argparse
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

from contest import BY_NAME
from PIL import Image
from pixels import CONTESTANTS
from process_usage import measure

#: By megapixels.
SIZES = {24: (6000, 4000), 100: (12_240, 8_170)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph", type=Path)
    photograph: Path = parser.parse_args().photograph
    present = [contender for contender in CONTESTANTS if not contender.missing()]
    print("| Megapixels | Contender | Peak, MiB | Share of the tutorial's |\n| ---: | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels, size in SIZES.items():
            file = Path(folder) / f"{megapixels}.jpg"
            # In a process of its own, so that this one stays small: see measured.
            enlarging = get_context("spawn").Process(target=enlarge, args=(photograph, size, file))
            enlarging.start()
            enlarging.join()
            peaks = {
                contender.title: measure([*contender.command(BY_NAME["default"]), folder, str(file)]).peak
                for contender in present
            }
            for title, peak in peaks.items():
                share = peak / peaks["Pillow, tutorial"]
                print(f"| {megapixels} | {title} | {peak / 2**20:.0f} | {share:.2f} |")
                sys.stdout.flush()


def enlarge(photograph: Path, size: tuple[int, int], file: Path) -> None:
    """Write a photograph at another size."""
    with Image.open(photograph) as image:
        image.convert("RGB").resize(size).save(file, quality=88)


if __name__ == "__main__":
    main()
