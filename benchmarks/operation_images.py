"""Make the images of docs/operations.md by running each example of the page on a demo image."""

import json
import re
import sys
from pathlib import Path

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operations.md"
IMAGES = ROOT / "docs" / "images"
SOURCES = {"astronaut": "astronaut.jpg", "horse": "horse-transparent.png"}
#: The asset that examples refer to as ``logo``.
LOGO = "horse-transparent.png"
#: Width of an image before the operations, in pixels.
WIDTH = 320
EXAMPLE = re.compile(r"!\[[^\]]*\]\(images/([\w-]+)\.webp\)\s+```json\n(.*?)\n```", re.DOTALL)
LIMITS = Limits(max_bytes=10_000_000, max_pixels=10_000_000, max_side=10_000)


def read_examples() -> dict[str, object]:
    """Return the operations of each example, by the name of the example's image."""
    return {name: json.loads(text) for name, text in EXAMPLE.findall(PAGE.read_text("utf-8"))}


def render_example(name: str, operation: object) -> bytes:
    """Return the image of one example. If its name starts with "horse", the transparent demo image is used."""
    source = "horse" if name.startswith("horse") else "astronaut"
    data = (ROOT / "safelight" / "demo_images" / SOURCES[source]).read_bytes()
    steps = [{"op": "resize", "width": WIDTH}, *(operation if isinstance(operation, list) else [operation])]
    pipeline = Pipeline.model_validate({"operations": steps, "output": {"format": "webp", "quality": 82}})
    assets = {"logo": (ROOT / "safelight" / "demo_images" / LOGO).read_bytes()}
    return render(data, pipeline, LIMITS, assets).outputs[0][1].data


def main() -> None:
    """Save the images of all examples and the unprocessed images."""
    IMAGES.mkdir(exist_ok=True)
    examples = {**read_examples(), "astronaut": [], "horse": []}
    for name, operation in examples.items():
        (IMAGES / f"{name}.webp").write_bytes(render_example(name, operation))
    total = sum(path.stat().st_size for path in IMAGES.glob("*.webp"))
    sys.stdout.write(f"{len(examples)} images, {total:,} bytes\n")


if __name__ == "__main__":
    main()
