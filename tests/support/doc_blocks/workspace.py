"""The folder and environment in which the code blocks of pages run."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from support import sample_images
from support.doc_blocks.shell import prepend_to_path

ROOT = Path(__file__).parents[3]
DEMO_IMAGES = ROOT / "safelight" / "demo_images"

#: Every file that pages name.
_FILES: Mapping[str, Callable[[], bytes]] = {
    "photo.jpg": (DEMO_IMAGES / "astronaut.jpg").read_bytes,
    "holiday.jpg": (DEMO_IMAGES / "contact-sheet.jpg").read_bytes,
    "scan.png": (DEMO_IMAGES / "clock-small.png").read_bytes,
    "scan.tif": lambda: sample_images.encode(sample_images.draw_scene(800, 600), "TIFF"),
    "photos/coffee.jpg": (DEMO_IMAGES / "coffee-sideways.jpg").read_bytes,
    "photos/more/rocket.jpg": (DEMO_IMAGES / "rocket-progressive.jpg").read_bytes,
    "photos/more/again.jpg": (DEMO_IMAGES / "rocket-progressive.jpg").read_bytes,
    "archive/old.tif": lambda: sample_images.encode(sample_images.draw_scene(400, 300), "TIFF"),
    "thumbnail.json": lambda: b'{"operations": [{"op": "resize", "width": 64, "height": 64}]}',
}


def create_files(folder: Path) -> None:
    """Create the files that the pages name, and ``.venv`` as after ``make demo``."""
    for name, content in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
    (folder / ".venv").symlink_to(sys.prefix)


def make_environment(api_url: str, endpoint_url: str, state: Path) -> dict[str, str]:
    """Return the environment: this checkout, the running stack, and no settings of the machine."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {
        "PATH": prepend_to_path(Path(sys.prefix) / "bin"),
        "API": api_url,
        "SAFELIGHT_API_URL": api_url,
        "SAFELIGHT_STATE_DIR": str(state),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }


def find_missing_programs() -> list[str]:
    """Return the programs that pages need and this machine does not have."""
    return [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
