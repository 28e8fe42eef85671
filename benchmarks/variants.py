"""Compare one job with many variants with the same variants as jobs of their own.

``python benchmarks/variants.py FILE... [--rounds 3]`` renders 8 widths in 3 formats of each photograph, and prints:

- the CPU time, divided by that of one decode and the 24 encodes alone,
- the peak memory of a process, divided by that of a process that renders only the largest output,
- the lowest PSNR of all widths against the same job alone: without shortcuts, and with the shortcuts of a single job,
- for the lossy formats, the lowest distance between the error of the shortcut and the error of the encoder.

The time is the CPU time of this process; the memory is that of processes that render one job each. Other load makes
times longer, so the minimum of the rounds counts.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Final

from PIL import Image

from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import Pipeline
from worker.imaging.decode import decode, open_image
from worker.imaging.encode import encode
from worker.imaging.planner import Planner, make_plan, make_unoptimized_plan
from worker.imaging.render import RenderResult, render
from worker.imaging.variants import group_outputs, plan_variants

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.image_similarity import compute_psnr

WIDTHS: Final = (320, 480, 640, 800, 1024, 1280, 1600, 1920)
FORMATS: Final = ("avif", "webp", "jpeg")
LIMITS: Final = Limits(max_bytes=10**9, max_pixels=10**9, max_side=10**5)


def main() -> None:
    """Measure all files and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--render", metavar="WIDTHS/FORMATS", help="Render once and print the peak memory in KiB.")
    options = parser.parse_args()
    if options.render:
        widths, _, formats = options.render.partition("/")
        pipeline = make_pipeline(tuple(map(int, widths.split(","))), tuple(formats.split(",")))
        render(options.files[0].read_bytes(), pipeline, LIMITS)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    figures = [measure(path, options.rounds) for path in options.files]
    for name in figures[0]:
        values = [each[name] for each in figures]
        print(f"{name:36} median {median(values):6.2f}  min {min(values):6.2f}  max {max(values):6.2f}")


def make_pipeline(widths: tuple[int, ...], formats: tuple[str, ...]) -> Pipeline:
    """Return a pipeline with responsive outputs."""
    return Pipeline.model_validate({"responsive": {"widths": widths, "formats": formats}})


def measure(path: Path, rounds: int) -> dict[str, float]:
    """Return the figures of one file."""
    data = path.read_bytes()
    figures = {
        "CPU / (decode + encodes)": measure_cpu(data, rounds),
        "memory / single job": measure_memory(path),
        **measure_quality(data),
    }
    print(f"# {path.name}: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)
    return figures


def measure_cpu(data: bytes, rounds: int) -> float:
    """Return the CPU time of the job, divided by that of one decode and all encodes alone."""
    pipeline = make_pipeline(WIDTHS, FORMATS)
    source = open_image(data, LIMITS)
    outputs = pipeline.expand_outputs(source.header.size[0]).outputs
    decoding = plan_variants(source.header, (), group_outputs(outputs), make_plan)[0].plan.decoding
    images = read_images(render(data, make_pipeline(WIDTHS, ("png",)), LIMITS))

    def decode_and_encode() -> None:
        decode(open_image(data, LIMITS), decoding)
        for output in outputs:
            encode(images[f"{output.name.partition('-')[0]}-png"], output)

    # In turn, so that other load concerns both.
    jobs, parts = [], []
    for _ in range(rounds):
        jobs.append(measure_time(partial(render, data, pipeline, LIMITS)))
        parts.append(measure_time(decode_and_encode))
    return min(jobs) / min(parts)


def measure_time(action: Callable[[], object]) -> float:
    """Return the CPU time of a call, seconds."""
    started = time.process_time()
    action()
    return time.process_time() - started


def measure_memory(path: Path) -> float:
    """Return the peak memory of the job, divided by that of the largest output in the format that takes the most."""
    single = max(read_peak(path, (WIDTHS[-1],), (each,)) for each in FORMATS)
    return read_peak(path, WIDTHS, FORMATS) / single


def read_peak(path: Path, widths: tuple[int, ...], formats: tuple[str, ...]) -> int:
    """Return the peak memory of a process that renders one job, KiB."""
    choice = f"{','.join(map(str, widths))}/{','.join(formats)}"
    command = [sys.executable, __file__, str(path), "--render", choice]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_quality(data: bytes) -> Mapping[str, float]:
    """Return the lowest PSNR of all widths, and the distance of the shortcut's error from that of the encoders, dB."""
    together = read_images(render(data, make_pipeline(WIDTHS, ("png",)), LIMITS))
    plain, alone, distances = [], [], []
    for width in WIDTHS:
        name = f"w{width}-png"
        if name not in together:
            continue
        expected = render_one(data, width, "png", planner=make_unoptimized_plan)
        plain.append(compute_psnr(together[name], expected))
        alone.append(compute_psnr(together[name], render_one(data, width, "png")))
        for image_format in FORMATS:
            lossy = render_one(data, width, image_format, planner=make_unoptimized_plan).convert("RGB")
            distances.append(plain[-1] - compute_psnr(lossy, expected))
    return {
        "PSNR without shortcuts, dB": min(plain),
        "PSNR of the same job alone, dB": min(*alone, 99),
        "below the error of encoders, dB": min(distances),
    }


def render_one(data: bytes, width: int, image_format: str, planner: Planner = make_plan) -> Image.Image:
    """Return the image of a job with one output."""
    (image,) = read_images(render(data, make_pipeline((width,), (image_format,)), LIMITS, planner=planner)).values()
    return image


def read_images(rendered: RenderResult) -> dict[str, Image.Image]:
    """Return the decoded outputs by name."""
    images: dict[str, Image.Image] = {
        output.name: Image.open(BytesIO(encoded.data)) for output, encoded in rendered.outputs
    }
    for image in images.values():
        image.load()
    return images


if __name__ == "__main__":
    main()
