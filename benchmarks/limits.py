"""Measure the largest still image and the largest animation that the default limits allow, in each output format.

``python benchmarks/limits.py PHOTOGRAPH`` enlarges the photograph to the limit and prints a Markdown table. The times
are CPU times of one render without resizing. ``RenderSeconds`` must be longer than these times (docs/settings.md).
"""

import argparse
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

from shared.pipeline.limits import Limits
from shared.pipeline.output import ANIMATED_FORMATS, OutputFormat
from shared.pipeline.pipeline import Pipeline
from worker.imaging import render
from worker.imaging.pillow_setup import prepare_process

LIMITS = Limits(max_bytes=1024**3, max_pixels=50_000_000, max_side=16_384)
STILL = (8640, 5760)
FRAME = (1000, 1000)


def main() -> None:
    """Measure each format and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph", type=Path, help="image file")
    parser.add_argument("--formats", default=",".join(OutputFormat), help="comma-separated output formats")
    arguments = parser.parse_args()
    prepare_process()
    with Image.open(arguments.photograph) as image:
        photograph = image.convert("RGB")
    formats = [OutputFormat(name) for name in arguments.formats.split(",")]
    print("| Image | Output | CPU, s | MiB |\n| --- | --- | ---: | ---: |")
    still = encode([photograph.resize(STILL)], "JPEG")
    for output_format in formats:
        print_row("Still, 50 megapixels, JPEG", still, output_format)
    for source in ("GIF", "WEBP"):
        animation = encode(create_frames(photograph, LIMITS.max_total_pixels // (FRAME[0] * FRAME[1])), source)
        for output_format in formats:
            if output_format in ANIMATED_FORMATS:
                print_row(f"50 frames of a megapixel, {source}", animation, output_format)


def create_frames(photograph: Image.Image, count: int) -> list[Image.Image]:
    """Return the frames of an animation that moves over a photograph."""
    steps = [(photograph.width - FRAME[0]) * index // count for index in range(count)]
    return [photograph.crop((left, 0, left + FRAME[0], FRAME[1])) for left in steps]


def encode(images: list[Image.Image], name: str) -> bytes:
    """Return an encoded file with one or more frames."""
    file = BytesIO()
    more = {"save_all": True, "append_images": images[1:], "duration": 40} if len(images) > 1 else {}
    images[0].save(file, name, quality=88, **more)
    return file.getvalue()


def print_row(title: str, data: bytes, output_format: OutputFormat) -> None:
    """Render once and print the time and size."""
    started = time.process_time()
    rendered = render(data, Pipeline.model_validate({"output": {"format": output_format}}), LIMITS)
    seconds = time.process_time() - started
    print(f"| {title} | {output_format} | {seconds:.1f} | {len(rendered.outputs[0][1].data) / 2**20:.1f} |", flush=True)


if __name__ == "__main__":
    main()
