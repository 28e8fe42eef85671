"""The folder in which a reader would try the pages: the images that they name, and the set-up that they assume."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from support import sample_images
from support.doc_blocks.shell import path_with

ROOT = Path(__file__).parents[3]
BUNDLED = ROOT / "safelight" / "demo_images"

#: What pages name, as they name it. Whoever writes of another file adds it here.
_FILES: Mapping[str, Callable[[], bytes]] = {
    "photo.jpg": (BUNDLED / "astronaut.jpg").read_bytes,
    "holiday.jpg": (BUNDLED / "contact-sheet.jpg").read_bytes,
    "scan.png": (BUNDLED / "clock-small.png").read_bytes,
    "scan.tif": lambda: sample_images.encoded(sample_images.scene(800, 600), "TIFF"),
    "photos/coffee.jpg": (BUNDLED / "coffee-sideways.jpg").read_bytes,
    "photos/more/rocket.jpg": (BUNDLED / "rocket-progressive.jpg").read_bytes,
    "photos/more/again.jpg": (BUNDLED / "rocket-progressive.jpg").read_bytes,
    "archive/old.tif": lambda: sample_images.encoded(sample_images.scene(400, 300), "TIFF"),
    "thumbnail.json": lambda: b'{"operations": [{"op": "resize", "width": 64, "height": 64}]}',
}


def lay_out(folder: Path) -> None:
    """Put what the pages assume into a folder: images, and the environment of ``make demo``."""
    for name, content in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
    (folder / ".venv").symlink_to(sys.prefix)


def environment(api_url: str, endpoint_url: str, state: Path) -> dict[str, str]:
    """Return a reader's environment: the command of this checkout, the running stack, and nothing of the machine's."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {
        "PATH": path_with(Path(sys.prefix) / "bin"),
        "API": api_url,
        "SAFELIGHT_API_URL": api_url,
        "SAFELIGHT_STATE_DIR": str(state),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }


def missing() -> list[str]:
    """Return the programs that pages use and this machine has not."""
    return [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
