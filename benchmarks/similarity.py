"""How alike two folders of images are, as JSON: ``python -m similarity REFERENCE OTHER``.

The mean of PSNR (decibels, 60 at most, so that identical images do not decide it) and of SSIM
(Wang et al. 2004, windows of 8 × 8 pixels, on luma), over the files with the same stem.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WINDOW = 8
MOST_DECIBELS = 60.0
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def main() -> None:
    """Compare and print."""
    reference, other = Path(sys.argv[1]), Path(sys.argv[2])
    pairs = [(path, next(reference.glob(f"{path.stem}.*"))) for path in sorted(other.iterdir())]
    scores = [compare(read(expected), read(path)) for path, expected in pairs]
    means = np.mean(scores, axis=0) if scores else (0.0, 0.0)
    print(json.dumps({"psnr": float(means[0]), "ssim": float(means[1])}))


def read(path: Path) -> Image.Image:
    """Open a result, as gray or RGB."""
    with Image.open(path) as image:
        return image.convert("L" if image.mode == "L" else "RGB")


def compare(expected: Image.Image, made: Image.Image) -> tuple[float, float]:
    """Return PSNR and SSIM; a result that is a pixel larger or smaller is brought to the reference's size."""
    if made.size != expected.size:
        made = made.resize(expected.size, Image.Resampling.LANCZOS)
    if made.mode != expected.mode:
        expected, made = expected.convert("RGB"), made.convert("RGB")
    error = float(np.mean((np.asarray(expected, np.float64) - np.asarray(made, np.float64)) ** 2))
    psnr = min(MOST_DECIBELS, 10 * np.log10(255**2 / error)) if error else MOST_DECIBELS
    return float(psnr), ssim(np.asarray(expected.convert("L"), np.float64), np.asarray(made.convert("L"), np.float64))


def ssim(one: Any, other: Any) -> float:  # noqa: ANN401 - arrays of a library that need not be installed
    """Return the mean structural similarity of two gray images."""
    mean_one, mean_other = windowed(one), windowed(other)
    variance_one = windowed(one * one) - mean_one**2
    variance_other = windowed(other * other) - mean_other**2
    covariance = windowed(one * other) - mean_one * mean_other
    alike = (2 * mean_one * mean_other + C1) * (2 * covariance + C2)
    return float(np.mean(alike / ((mean_one**2 + mean_other**2 + C1) * (variance_one + variance_other + C2))))


def windowed(values: Any) -> Any:  # noqa: ANN401 - see above
    """Return the mean of each window, by sums from the upper left corner."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    total = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW] + sums[:-WINDOW, :-WINDOW]
    return total / WINDOW**2


if __name__ == "__main__":
    main()
