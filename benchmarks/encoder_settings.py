"""Compare settings of encoders by bytes for the same quality, and measure steps that may not pay.

``python benchmarks/encoder_settings.py FOLDER [--size 1024] [--graphics FOLDER ...]`` prints Markdown tables for the
photographs of a folder, and for the PNG files below other folders, such as icons:

- Settings of JPEG, WebP and AVIF. Each is encoded with several qualities. *Bytes* is the size at the PSNR that the
  setting in use has with its default quality, compared with the setting in use.
- PNG files with one byte per channel, and with the color types that Safelight tries for few colors: drawings
  of this script, the photographs, and the files of ``--graphics`` that get another color type.
- Conversion to gray before and after resizing.

Times are CPU milliseconds per image, the minimum of two runs.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from math import exp, log
from pathlib import Path
from statistics import mean
from typing import Any, Final, TypeVar

from imaging_settings import compute_psnr, encode
from PIL import Image, ImageDraw

from worker.imaging.color.png_colors import reduce_colors
from worker.imaging.operations.kernels import resample
from worker.imaging.png_encoder import encode_plain, write_png

_Result = TypeVar("_Result")
#: By format: the default quality, the distance of the other qualities, the options in use, and the others.
_SETTINGS: Final[dict[str, tuple[int, int, dict[str, Any], list[dict[str, Any]]]]] = {
    "JPEG": (
        82,
        8,
        {"progressive": True, "optimize": True},
        [{"progressive": False, "optimize": True}, {"progressive": False, "optimize": False},
         {"progressive": True, "optimize": True, "subsampling": 0}],
    ),
    "WEBP": (80, 10, {"method": 2}, [{"method": each} for each in (0, 1, 3, 4, 6)]),
    "AVIF": (65, 12, {"speed": 6}, [{"speed": each} for each in (7, 8, 9)]),
}  # fmt: skip


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with .jpg files")
    parser.add_argument("--size", type=int, default=1024, help="longest side in pixels")
    parser.add_argument("--graphics", type=Path, nargs="*", default=[], help="folders with PNG files of graphics")
    options = parser.parse_args()
    whole = [Image.open(path).convert("RGB") for path in sorted(options.folder.glob("*.jpg"))]
    images = [shrink(image, options.size) for image in whole]
    print("| Setting | CPU, ms | Bytes |\n| --- | ---: | ---: |")
    for name, (quality, step, used, others) in _SETTINGS.items():
        qualities = (quality - step, quality, quality + step)
        curves = {describe(name, each): [measure_curve(image, name, qualities, each) for image in images]
                  for each in (used, *others)}  # fmt: skip
        reference = curves[describe(name, used)]
        for title, found in curves.items():
            sizes = [interpolate(curve, base[1][1]) / base[1][0] for curve, base in zip(found, reference, strict=True)]
            print(f"| {title} | {1000 * mean(curve[1][2] for curve in found):.1f} | {100 * (mean(sizes) - 1):+.1f} % |")
    print_color_types(images, options.size, options.graphics)
    print_gray(whole, options.size)


def describe(name: str, options: dict[str, Any]) -> str:
    """Return the title of a setting."""
    return ", ".join((name, *(f"{key} {value}" for key, value in options.items())))


def shrink(image: Image.Image, side: int) -> Image.Image:
    """Return an image whose longest side has ``side`` pixels."""
    factor = side / max(image.size)
    return resample(image, (round(image.width * factor), round(image.height * factor)), (0, 0, *image.size))


def measure_curve(
    image: Image.Image, name: str, qualities: Iterable[int], options: dict[str, Any]
) -> list[tuple[int, float, float]]:
    """Return bytes, PSNR and CPU seconds for each quality."""
    curve = []
    for quality in qualities:
        data, seconds = measure(lambda: encode(image, format=name, quality=quality, **options))  # noqa: B023 - called now
        curve.append((len(data), compute_psnr(image, Image.open(BytesIO(data)).convert("RGB")), seconds))
    return curve


def interpolate(curve: Sequence[tuple[int, float, float]], psnr: float) -> float:
    """Return the bytes at a PSNR: logarithms of bytes between two qualities are a straight line."""
    low, high = (curve[0], curve[1]) if psnr < curve[1][1] else (curve[1], curve[2])
    part = (psnr - low[1]) / (high[1] - low[1])
    return exp(log(low[0]) + part * (log(high[0]) - log(low[0])))


def measure(call: Callable[[], _Result]) -> tuple[_Result, float]:
    """Return the result and the lowest CPU time of two calls, seconds."""
    times = []
    for _ in range(2):
        started = time.process_time()
        result = call()
        times.append(time.process_time() - started)
    return result, min(times)


def print_color_types(photographs: Sequence[Image.Image], side: int, folders: Sequence[Path]) -> None:
    """Print CPU time and size of PNG files with one byte per channel, and with the smallest color type."""
    print("\n| Graphics | Files | CPU, ms | KiB | With few colors: CPU, ms | KiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    sharp, smooth = draw_graphic(side), draw_graphic(side * 4).reduce(4)
    print_graphics("Chart, sharp edges", [sharp])
    print_graphics("Chart, smooth edges", [smooth])
    print_graphics("Photographs", photographs)
    for folder in folders:
        files = [read_graphic(path) for path in sorted(folder.rglob("*.png"))]
        print_graphics(folder.name, [image for image in files if reduce_colors(image) is not None])


def print_graphics(title: str, images: Sequence[Image.Image]) -> None:
    """Print one row: CPU time and size per image."""
    columns = []
    for write in (lambda image: encode_plain(image, b""), write_png):
        done = [measure(lambda: write(image)) for image in images]  # noqa: B023 - called now
        columns.append(f"{1000 * mean(seconds for _, seconds in done):.1f}")
        columns.append(f"{mean(len(data) for data, _ in done) / 1024:.1f}")
    print(f"| {title} | {len(images)} | {' | '.join(columns)} |")


def read_graphic(path: Path) -> Image.Image:
    """Return an image with 8 bits per channel."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    image.info.clear()
    return image


def draw_graphic(side: int) -> Image.Image:
    """Return a chart with text and bars in 12 colors."""
    image = Image.new("RGB", (side, side * 3 // 4), "white")
    draw = ImageDraw.Draw(image)
    for bar in range(12):
        left = side * bar // 12
        draw.rectangle((left, side // 8 + bar * side // 30, left + side // 16, side * 3 // 4), fill=(20 * bar, 90, 200))
        draw.text((left, side // 20), f"Value {bar}", fill="black", font_size=side // 50)
    return image


def print_gray(images: Sequence[Image.Image], side: int) -> None:
    """Print the CPU time of both orders of resizing and conversion to gray."""
    after = mean(measure(lambda: shrink(image, side).convert("L"))[1] for image in images)  # noqa: B023 - called now
    before = mean(measure(lambda: shrink(image.convert("L"), side))[1] for image in images)  # noqa: B023 - called now
    print("\n| Order | CPU, ms |\n| --- | ---: |")
    print(f"| resize, then gray | {1000 * after:.1f} |\n| gray, then resize | {1000 * before:.1f} |")


if __name__ == "__main__":
    main()
