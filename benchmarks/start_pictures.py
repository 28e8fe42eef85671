"""Process the sample image of the web page with the presets of its start page.

``python benchmarks/start_pictures.py`` writes small copies of the sample image and of the results, and their figures.
A test compares the figures with those of the current code.
"""

import io
import json
from pathlib import Path
from typing import Any, Final

from PIL import Image

from shared.pipeline.limits import Limits
from shared.pipeline.preset import BUILT_IN
from worker.imaging.render import render

APP: Final = Path(__file__).parents[1] / "web" / "app"
TARGET: Final = APP / "start"
FIGURES: Final = APP / "pages" / "start-figures.js"
#: The presets that the recipe shows as large buttons.
PRESETS: Final = ("web", "thumbnail", "archive")
#: Longest side of a small copy, pixels: twice its size on the page.
SIDE: Final = 208
QUALITY: Final = 80
LIMITS: Final = Limits(max_bytes=10**8, max_pixels=10**8, max_side=20_000)


def main() -> None:
    """Write the small copies and the figures."""
    TARGET.mkdir(exist_ok=True)
    raw = (APP / "sample.jpg").read_bytes()
    for name, data in {"before": raw, "web": process(raw, "web"), "thumbnail": process(raw, "thumbnail")}.items():
        (TARGET / f"{name}.webp").write_bytes(shrink(data))  # the result of `archive` has the pixels of the raw image
    FIGURES.write_text(format_figures(describe(raw)), "utf-8")


def describe(raw: bytes) -> dict[str, dict[str, Any]]:
    """Return dimensions and bytes of the sample image, as ``before``, and of its result with each preset."""
    return {"before": _measure(raw), **{name: _measure(process(raw, name)) for name in PRESETS}}


def process(raw: bytes, preset: str) -> bytes:
    """Return the only output of a preset."""
    ((_, encoded),) = render(raw, BUILT_IN[preset].pipeline, LIMITS).outputs
    return encoded.data


def shrink(data: bytes) -> bytes:
    """Return a small copy of an image."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        target = io.BytesIO()
        small.save(target, "WEBP", quality=QUALITY, method=6)
    return target.getvalue()


def format_figures(figures: dict[str, dict[str, Any]]) -> str:
    """Return the module with the figures."""
    lines = "".join(f"  {name}: {json.dumps(each)},\n" for name, each in figures.items())
    lines = lines.replace('{"', "{ ").replace(', "', ", ").replace('":', ":").replace("},", " },")
    return (
        "/** The sample image and its results, as benchmarks/start_pictures.py measured them. */\n\n"
        f"export const FIGURES = {{\n{lines}}};\n"
    )


def _measure(data: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(data)) as image:
        return {"width": image.width, "height": image.height, "format": str(image.format), "size": len(data)}


if __name__ == "__main__":
    main()
