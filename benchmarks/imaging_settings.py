"""Measure the settings of the planner and of the encoders on a folder of photographs or graphics.

``python benchmarks/imaging_settings.py FOLDER`` prints Markdown tables for scaling during decoding, skipped scans, PNG
compression, the settings of JPEG, WebP and AVIF, and palettes from samples. Each time is the CPU time, the minimum of
two runs.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import product
from math import inf, log10
from pathlib import Path
from statistics import mean, median
from typing import Any

from PIL import Image, ImageChops, ImageStat

from shared.pipeline.pipeline import Fit, Resize
from worker.imaging.containers.jpeg import read_jpeg
from worker.imaging.containers.jpeg_scans import skip_scans
from worker.imaging.containers.slices import SlicedFile
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.operations.kernels import FILTER, resample
from worker.imaging.palette import sample_pixels
from worker.imaging.planner import MIN_OVERSAMPLING
from worker.imaging.png_encoder import Packing, choose_packing, write_png

BOX = 1024
PACKINGS = {
    "Pillow's default": {},
    "level 6, search": {"compress_type": zlib.Z_DEFAULT_STRATEGY},
    "runs": {"compress_type": zlib.Z_RLE},
}
LOSSY: dict[str, dict[str, Any]] = {
    **{
        f"JPEG 82, progressive {progressive}, optimize {optimize}": {
            "format": "JPEG",
            "quality": 82,
            "progressive": progressive,
            "optimize": optimize,
        }
        for progressive in (False, True)
        for optimize in (False, True)
    },
    **{f"WebP 80, method {method}": {"format": "WEBP", "quality": 80, "method": method} for method in range(7)},
    **{f"AVIF 65, speed {speed}": {"format": "AVIF", "quality": 65, "speed": speed} for speed in (6, 7, 8, 9)},
}


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with .jpg or .png files")
    files = sorted(path for path in parser.parse_args().folder.iterdir() if path.suffix.lower() in {".jpg", ".png"})
    print_shrinking([path for path in files if path.suffix == ".jpg"])
    print_refinements([path for path in files if path.suffix == ".jpg"])
    for mode in ("L", "RGB"):
        print_packing(files, mode)
    print_lossy(files)
    print_palettes(files)


def print_shrinking(files: Iterable[Path]) -> None:
    """Print the quality of grayscale outputs, by the number of decoded pixels per output pixel and side."""
    print("| Pixels left per side | PSNR, worst | PSNR, median |\n| ---: | ---: | ---: |")
    for rest in (1.0, 1.5, 2.0, 3.0):
        values = [min(compute_psnr(decode_gray(path, None), decode_gray(path, rest)), 99.0) for path in files]
        if values:
            print(f"| {rest} | {min(values):.1f} dB | {median(values):.1f} dB |")


def print_refinements(files: Iterable[Path]) -> None:
    """Print the error of progressive JPEGs without the scans that refine details, compared with that of encoders.

    The values are the PSNR without these scans minus the higher one of a JPEG and a WebP with the default quality.
    """
    margins: dict[float, list[float]] = {factor: [] for factor in (4.0, 6.0, 8.0, 10.0)}
    for path, quality in product(files, (75, 90)):
        with Image.open(path) as image:
            data = encode(image.convert("RGB"), format="JPEG", quality=quality, progressive=True)
        rest = skip_scans(data, read_jpeg(data).pixels, chroma=False, refinements=True)
        if rest is None:
            continue
        for factor, values in margins.items():
            expected = decode_small(BytesIO(data), factor, 1)
            shrink = next((shrink for shrink in (8, 4, 2) if shrink * MIN_OVERSAMPLING <= factor), 1)
            coarse = decode_small(SlicedFile(rest), factor, shrink)
            lossy = [encode(expected, format="JPEG", quality=82), encode(expected, format="WEBP", quality=80)]
            own = max(compute_psnr(expected, Image.open(BytesIO(file)).convert("RGB")) for file in lossy)
            values.append(compute_psnr(expected, coarse) - own)
    print("\n| Shrink factor | Margin, worst | Margin, median |\n| ---: | ---: | ---: |")
    for factor, values in margins.items():
        if values:
            print(f"| {factor} | {min(values):.1f} dB | {median(values):.1f} dB |")


def decode_small(file: Any, factor: float, shrink: int) -> Image.Image:  # noqa: ANN401 - any file object
    """Decode a JPEG at ``1/shrink`` of its size and scale it to ``1/factor``."""
    with Image.open(file) as image:
        width, height = image.size
        if shrink > 1:
            image.draft("RGB", (width // shrink, height // shrink))
        size = round(width / factor), round(height / factor)
        return resample(image.convert("RGB"), size, (0, 0, width / shrink, height / shrink))


def decode_gray(path: Path, rest: float | None) -> Image.Image:
    """Return a photograph in grayscale, scaled to the box.

    ``rest`` is the minimum number of decoded pixels per output pixel and side. If it is None, decode in full size and
    color.
    """
    with Image.open(path) as image:
        width, height = image.size
        size, _ = compute_resize_box(image.size, Resize(width=BOX, height=BOX))
        if rest is None:
            return image.convert("RGB").resize(size, FILTER).convert("L")
        shrink = next((by for by in (8, 4, 2) if by * rest <= min(width / size[0], height / size[1])), 1)
        image.draft("L", (width // shrink, height // shrink))
        luma = image.convert("L")
        return luma.resize(size, FILTER, box=(0, 0, width / shrink, height / shrink), reducing_gap=max(rest, 1.0))


def compute_psnr(first: Image.Image, second: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two images of the same mode, in decibels."""
    error = mean(ImageStat.Stat(ImageChops.difference(first, second)).sum2) / (first.width * first.height)
    return 10 * log10(255**2 / error) if error else inf


def iterate_scaled(files: Iterable[Path], mode: str) -> Iterator[Image.Image]:
    """Yield each image as the default job encodes it."""
    for path in files:
        with Image.open(path) as image:
            size, box = compute_resize_box(image.size, Resize(width=BOX, height=BOX, fit=Fit.INSIDE))
            yield image.convert("RGB").resize(size, FILTER, box=box).convert(mode)


def print_packing(files: Iterable[Path], mode: str) -> None:
    """Print the time and size of each PNG compression."""
    images = list(iterate_scaled(files, mode))
    print(f"\n| PNG of {mode} | CPU, ms | KiB |\n| --- | ---: | ---: |")
    for name, options in PACKINGS.items():
        print_row(name, images, lambda image, options=options: encode(image, format="PNG", **options))  # type: ignore[misc] # bound now
    print_row("write_png", images, write_png)
    print_row("of which sampling", images, lambda image: choose_packing(image).encode())
    chosen = [choose_packing(image) for image in images]
    print(", ".join(f"{packing.value}: {chosen.count(packing)}" for packing in Packing))


def print_lossy(files: Iterable[Path]) -> None:
    """Print the time and size of each JPEG, WebP and AVIF setting."""
    images = list(iterate_scaled(files, "RGB"))
    print("\n| Setting | CPU, ms | KiB |\n| --- | ---: | ---: |")
    for name, options in LOSSY.items():
        print_row(name, images, lambda image, options=options: encode(image, **options))  # type: ignore[misc] # bound now


def print_palettes(files: Iterable[Path]) -> None:
    """Print the quality of images with 256 colors, by the number of pixels from which the palette is computed."""
    images = list(iterate_scaled(files, "RGB"))
    print("\n| Pixels in the sample | CPU, ms | PSNR, mean |\n| --- | ---: | ---: |")
    for pixels in (8_192, 16_384, 32_768, 131_072, BOX * BOX):
        started = time.process_time()
        palettes = [sample_pixels(image, pixels).quantize(256, Image.Quantize.MEDIANCUT) for image in images]
        seconds = (time.process_time() - started) / len(images)
        results = [
            image.quantize(palette=palette, dither=Image.Dither.NONE)
            for image, palette in zip(images, palettes, strict=True)
        ]
        quality = mean(
            compute_psnr(first.convert("RGB"), second) for first, second in zip(results, images, strict=True)
        )
        print(f"| {pixels} | {seconds * 1000:.1f} | {quality:.2f} dB |")


def print_row(name: str, images: Iterable[Image.Image], encode_image: Callable[[Image.Image], bytes]) -> None:
    """Print the mean time and size of one encoding."""
    runs = [(measure(encode_image, image), measure(encode_image, image)) for image in images]
    times = mean(min(first[0], second[0]) for first, second in runs)
    print(f"| {name} | {times * 1000:.1f} | {mean(first[1] for first, _ in runs) / 1024:.1f} |")


def measure(encode_image: Callable[[Image.Image], bytes], image: Image.Image) -> tuple[float, int]:
    """Return the CPU seconds and bytes of one encoding."""
    started = time.process_time()
    size = len(encode_image(image))
    return time.process_time() - started, size


def encode(image: Image.Image, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own options
    """Encode an image with Pillow, without Safelight's encoders."""
    file = BytesIO()
    image.save(file, **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
