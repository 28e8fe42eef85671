"""Makes the images of docs/operations.md: each example of the page, run as it stands there on a bundled image."""

import json
import re
import sys
from pathlib import Path

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operations.md"
PICTURES = ROOT / "docs" / "images"
SOURCES = {"astronaut": "astronaut.jpg", "horse": "horse-transparent.png"}
#: What the examples with a stored image have under the name ``logo``.
LOGO = "horse-transparent.png"
#: Of an image before anything is done, pixels.
WIDTH = 320
EXAMPLE = re.compile(r"!\[[^\]]*\]\(images/([\w-]+)\.webp\)\s+```json\n(.*?)\n```", re.DOTALL)
LIMITS = Limits(max_bytes=10_000_000, max_pixels=10_000_000, max_side=10_000)


def examples() -> dict[str, object]:
    """Return the operations of each example on the page, by the name of its image."""
    return {name: json.loads(text) for name, text in EXAMPLE.findall(PAGE.read_text("utf-8"))}


def make(name: str, operation: object) -> bytes:
    """Run one example on a bundled image; names that begin with horse take the transparent one."""
    source = "horse" if name.startswith("horse") else "astronaut"
    data = (ROOT / "safelight" / "demo_images" / SOURCES[source]).read_bytes()
    steps = [{"op": "resize", "width": WIDTH}, *(operation if isinstance(operation, list) else [operation])]
    pipeline = Pipeline.model_validate({"operations": steps, "output": {"format": "webp", "quality": 82}})
    assets = {"logo": (ROOT / "safelight" / "demo_images" / LOGO).read_bytes()}
    return render(data, pipeline, LIMITS, assets).outputs[0][1].data


def main() -> None:
    """Write all images, and the ones before."""
    PICTURES.mkdir(exist_ok=True)
    todo = {**examples(), "astronaut": [], "horse": []}
    for name, operation in todo.items():
        (PICTURES / f"{name}.webp").write_bytes(make(name, operation))
    total = sum(path.stat().st_size for path in PICTURES.glob("*.webp"))
    sys.stdout.write(f"{len(todo)} pictures, {total:,} bytes\n")


if __name__ == "__main__":
    main()
