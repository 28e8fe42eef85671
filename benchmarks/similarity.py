"""Compare two folders of images and print the mean PSNR and SSIM as JSON.

``python -m similarity REFERENCE OTHER`` compares files with the same stem. PSNR is in decibels and at most 60, so that
identical images do not dominate the mean. SSIM is that of Wang et al. 2004 on luma, in windows of 8 × 8 pixels.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WINDOW = 8
MAX_DECIBELS = 60.0
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def main() -> None:
    """Compare the folders and print the result."""
    reference, other = Path(sys.argv[1]), Path(sys.argv[2])
    pairs = [(path, next(reference.glob(f"{path.stem}.*"))) for path in sorted(other.iterdir())]
    scores = [compare(read(expected), read(path)) for path, expected in pairs]
    means = np.mean(scores, axis=0) if scores else (0.0, 0.0)
    print(json.dumps({"psnr": float(means[0]), "ssim": float(means[1])}))


def read(path: Path) -> Image.Image:
    """Return an image in grayscale or RGB."""
    with Image.open(path) as image:
        return image.convert("L" if image.mode == "L" else "RGB")


def compare(expected: Image.Image, actual: Image.Image) -> tuple[float, float]:
    """Return PSNR and SSIM. If the sizes differ, the image is resized to the size of the reference."""
    if actual.size != expected.size:
        actual = actual.resize(expected.size, Image.Resampling.LANCZOS)
    if actual.mode != expected.mode:
        expected, actual = expected.convert("RGB"), actual.convert("RGB")
    error = float(np.mean((np.asarray(expected, np.float64) - np.asarray(actual, np.float64)) ** 2))
    psnr = min(MAX_DECIBELS, 10 * np.log10(255**2 / error)) if error else MAX_DECIBELS
    return float(psnr), compute_ssim(
        np.asarray(expected.convert("L"), np.float64), np.asarray(actual.convert("L"), np.float64)
    )


def compute_ssim(first: Any, second: Any) -> float:  # noqa: ANN401 - arrays of a library that is optional
    """Return the mean structural similarity of two grayscale images."""
    mean_first, mean_second = compute_window_means(first), compute_window_means(second)
    variance_first = compute_window_means(first * first) - mean_first**2
    variance_second = compute_window_means(second * second) - mean_second**2
    covariance = compute_window_means(first * second) - mean_first * mean_second
    similarity = (2 * mean_first * mean_second + C1) * (2 * covariance + C2)
    return float(
        np.mean(similarity / ((mean_first**2 + mean_second**2 + C1) * (variance_first + variance_second + C2)))
    )


def compute_window_means(values: Any) -> Any:  # noqa: ANN401 - see above
    """Return the mean of each window, computed with a summed-area table."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    total = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW] + sums[:-WINDOW, :-WINDOW]
    return total / WINDOW**2


if __name__ == "__main__":
    main()
