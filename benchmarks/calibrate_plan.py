"""Measure CPU times from which a plan estimates its time: nanoseconds per pixel to decode, process and encode.

Run ``python benchmarks/calibrate_plan.py [FOLDER]`` on an idle machine. Without a folder, it measures the bundled
photographs. For each image, the minimum of ``RUNS`` runs is taken; each figure is the median of these minimums. Copy
the figures to ``decode_cost`` and ``encode_cost`` in ``shared/pipeline/image_formats.py`` and to ``cost`` in
``shared/pipeline/operations``. The bytes by quality, rounded, go to ``bytes_by_quality``.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image

from api.system.schemas import operation_models
from shared.pipeline.image_formats import HEIC, INPUT_FORMATS
from shared.pipeline.limits import Limits
from shared.pipeline.output import LOSSY_FORMATS
from shared.pipeline.pipeline import Output, OutputFormat, Pipeline
from shared.pipeline.sizes import compute_size_after
from worker.imaging.decode import decode, open_image
from worker.imaging.encode import encode_frames
from worker.imaging.frames import Frames
from worker.imaging.pipeline import run_pipeline

IMAGES: Final = Path(__file__).parents[1] / "safelight" / "demo_images"
RUNS: Final = 3
QUALITIES: Final = (10, 25, 40, 55, 65, 70, 80, 82, 90, 100)
LIMITS: Final = Limits(max_bytes=10**9, max_pixels=10**9, max_side=10**6)
#: Parameters of the operations that have required parameters.
SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "resize": {"width": 400},
    "crop": {"unit": "relative", "width": 0.5, "height": 0.5, "gravity": "entropy"},
    "rotate": {"angle": 10},
    "pad": {"top": 50, "left": 50},
    "adjust": {"brightness": 1.1, "contrast": 1.1, "saturation": 1.1},
    "blur": {"radius": 5},
    "round_corners": {"unit": "relative", "radius": 0.1},
    "watermark": {"text": "Safelight", "tile": True},
}


def main() -> None:
    """Measure the CPU times and print them. HEIC is left out, because no package here encodes it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    images = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))]
    print(f"# {len(images)} images, {sum(image.width * image.height for image in images) / 1e6:.1f} megapixels")
    _print(
        "decode_cost", ((each.name, _measure_decoding(images, each.name)) for each in INPUT_FORMATS if each is not HEIC)
    )
    names = [model.model_fields["op"].default for model in operation_models()]
    _print("cost", ((name, _measure_operation(images, name)) for name in names))
    _print("encode_cost", ((each.value, _measure_encoding(images, each)) for each in OutputFormat))
    for each in LOSSY_FORMATS:
        figures = ((str(quality), _compare_bytes(images, each, quality)) for quality in QUALITIES)
        _print(f"bytes_by_quality of {each.value}", figures, digits=2)


def _measure_decoding(images: list[Image.Image], name: str) -> float:
    figures = []
    for image in images:
        file = BytesIO()
        image.save(file, format=name)
        data = file.getvalue()
        figures.append(_measure(partial(_decode, data), image.width * image.height))
    return statistics.median(figures)


def _decode(data: bytes) -> None:
    decode(open_image(data, LIMITS))


def _measure_operation(images: list[Image.Image], name: str) -> float:
    pipeline = Pipeline.model_validate({"operations": [{"op": name, **SAMPLES.get(name, {})}]})
    (operation,) = pipeline.operations
    figures = []
    for image in images:
        after = compute_size_after(image.size, operation)
        pixels = max(image.width * image.height, after[0] * after[1])
        figures.append(_measure(partial(run_pipeline, image, pipeline.operations, LIMITS), pixels))
    return statistics.median(figures)


def _measure_encoding(images: list[Image.Image], output_format: OutputFormat) -> float:
    output = Output(format=output_format)
    return statistics.median(
        _measure(partial(encode_frames, Frames((image,)), output), image.width * image.height) for image in images
    )


def _compare_bytes(images: list[Image.Image], output_format: OutputFormat, quality: int) -> float:
    """Return the bytes with a quality as a multiple of those with the default quality."""
    given, default = Output(format=output_format, quality=quality), Output(format=output_format)
    return statistics.median(_count_bytes(image, given) / _count_bytes(image, default) for image in images)


def _count_bytes(image: Image.Image, output: Output) -> int:
    return len(encode_frames(Frames((image,)), output).data)


def _measure(action: Callable[[], object], pixels: int) -> float:
    fastest = float("inf")
    for _ in range(RUNS):
        started = time.process_time_ns()
        action()
        fastest = min(fastest, time.process_time_ns() - started)
    return fastest / pixels


def _print(title: str, figures: Iterable[tuple[str, float]], digits: int = 1) -> None:
    print(f"{title} = {{")
    for name, figure in figures:
        print(f'    "{name}": {figure:.{digits}f},')
    print("}")


if __name__ == "__main__":
    main()
