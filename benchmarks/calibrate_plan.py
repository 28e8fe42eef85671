"""Measure the costs that plans are estimated from: CPU nanoseconds per pixel to decode, to process and to encode.

Run ``python benchmarks/calibrate_plan.py [FOLDER]`` on an idle machine. Without a folder it measures the bundled
photographs. Each figure is the median over the images of the minimum of ``RUNS`` runs. Copy the figures to
``decode_cost`` and ``encode_cost`` in ``shared/pipeline/image_formats.py`` and
to ``cost`` in ``shared/pipeline/operations``.
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
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import Output, OutputFormat, Pipeline
from shared.pipeline.sizes import compute_size_after
from worker.imaging.decode import decode, open_image
from worker.imaging.encode import encode_frames
from worker.imaging.frames import Frames
from worker.imaging.pipeline import run_pipeline

PICTURES: Final = Path(__file__).parents[1] / "safelight" / "demo_images"
RUNS: Final = 3
LIMITS: Final = Limits(max_bytes=10**9, max_pixels=10**9, max_side=10**6)
#: Parameters of the operations that need some.
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
    """Measure and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    pictures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))]
    print(f"# {len(pictures)} pictures, {sum(each.width * each.height for each in pictures) / 1e6:.1f} megapixels")
    _print("decode_cost", ((each.name, _decoding(pictures, each.name)) for each in INPUT_FORMATS))
    names = [model.model_fields["op"].default for model in operation_models()]
    _print("cost", ((name, _operating(pictures, name)) for name in names))
    _print("encode_cost", ((each.value, _encoding(pictures, each)) for each in OutputFormat))


def _decoding(pictures: list[Image.Image], name: str) -> float:
    figures = []
    for picture in pictures:
        file = BytesIO()
        picture.save(file, format=name)
        data = file.getvalue()
        figures.append(_nanoseconds(partial(_decode, data), picture.width * picture.height))
    return statistics.median(figures)


def _decode(data: bytes) -> None:
    decode(open_image(data, LIMITS))


def _operating(pictures: list[Image.Image], name: str) -> float:
    pipeline = Pipeline.model_validate({"operations": [{"op": name, **SAMPLES.get(name, {})}]})
    (operation,) = pipeline.operations
    figures = []
    for picture in pictures:
        after = compute_size_after(picture.size, operation)
        pixels = max(picture.width * picture.height, after[0] * after[1])
        figures.append(_nanoseconds(partial(run_pipeline, picture, pipeline.operations, LIMITS), pixels))
    return statistics.median(figures)


def _encoding(pictures: list[Image.Image], output_format: OutputFormat) -> float:
    output = Output(format=output_format)
    return statistics.median(
        _nanoseconds(partial(encode_frames, Frames((picture,)), output), picture.width * picture.height)
        for picture in pictures
    )


def _nanoseconds(work: Callable[[], object], pixels: int) -> float:
    best = float("inf")
    for _ in range(RUNS):
        started = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - started)
    return best / pixels


def _print(title: str, figures: Iterable[tuple[str, float]]) -> None:
    print(f"{title} = {{")
    for name, figure in figures:
        print(f'    "{name}": {figure:.1f},')
    print("}")


if __name__ == "__main__":
    main()
