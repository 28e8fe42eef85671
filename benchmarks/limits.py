"""What the default limits cost: the largest still and the largest animation, written in each format.

``python benchmarks/limits.py PHOTOGRAPH`` enlarges it to the limit and prints Markdown. The times are processor time of
one rendering in its own size; ``RenderSeconds`` must allow them (docs/settings.md).
"""

import argparse
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

from shared.pipeline.limits import Limits
from shared.pipeline.output import ANIMATED, OutputFormat
from shared.pipeline.pipeline import Pipeline
from worker.imaging import render
from worker.imaging.pillow_setup import prepare_process

LIMITS = Limits(max_bytes=1024**3, max_pixels=50_000_000, max_side=16_384)
STILL = (8640, 5760)
FRAME = (1000, 1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--formats", default=",".join(OutputFormat), help="names, with commas between")
    asked = parser.parse_args()
    prepare_process()
    with Image.open(asked.photograph) as image:
        photograph = image.convert("RGB")
    formats = [OutputFormat(name) for name in asked.formats.split(",")]
    print("| Picture | Written as | CPU, s | MiB |\n| --- | --- | ---: | ---: |")
    still = saved([photograph.resize(STILL)], "JPEG")
    for output_format in formats:
        print_row("Still, 50 megapixels, JPEG", still, output_format)
    for source in ("GIF", "WEBP"):
        animation = saved(moving(photograph, LIMITS.max_total_pixels // (FRAME[0] * FRAME[1])), source)
        for output_format in formats:
            if output_format in ANIMATED:
                print_row(f"50 frames of a megapixel, {source}", animation, output_format)


def moving(photograph: Image.Image, count: int) -> list[Image.Image]:
    """Return frames that pan over a photograph."""
    steps = [(photograph.width - FRAME[0]) * at // count for at in range(count)]
    return [photograph.crop((left, 0, left + FRAME[0], FRAME[1])) for left in steps]


def saved(images: list[Image.Image], name: str) -> bytes:
    """Return a file of one image or of several."""
    file = BytesIO()
    more = {"save_all": True, "append_images": images[1:], "duration": 40} if len(images) > 1 else {}
    images[0].save(file, name, quality=88, **more)
    return file.getvalue()


def print_row(title: str, data: bytes, output_format: OutputFormat) -> None:
    """Render once and print what it took."""
    started = time.process_time()
    made = render(data, Pipeline.model_validate({"output": {"format": output_format}}), LIMITS)
    took = time.process_time() - started
    print(f"| {title} | {output_format} | {took:.1f} | {len(made.outputs[0][1].data) / 2**20:.1f} |", flush=True)


if __name__ == "__main__":
    main()
