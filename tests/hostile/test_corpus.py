"""Every hostile file ends with a result or a known code, within its CPU time, without affecting the parent."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import hostile_files, hostile_metadata, sample_images

from shared.errors import ImageError, error_classes
from shared.pipeline.facts import MAX_BYTES as MAX_FACTS

#: CPU time per file.
SECONDS = 5
#: CPU time to start a replacement child.
START_SECONDS = 5
ROOT = Path(__file__).parents[2]
CODES = {error.code for error in error_classes(ImageError)} | {"COMPLETED"}


@pytest.fixture(scope="session")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Render the corpus in one parent; return the result per file, and the parent's peak memory under an empty name."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile_files.write_all(folder)
    script = Path(__file__).with_name("parent.py")
    run = subprocess.run(
        [sys.executable, str(script), str(folder), str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line.get("name", ""): line for line in lines}


@pytest.mark.parametrize("name", sorted(hostile_files.FILES))
def test_every_file_ends_with_a_result_or_a_code(ends: Mapping[str, Any], name: str) -> None:
    """Within its CPU time, in a sentence without paths, tracebacks or library names."""
    end = ends[name]
    assert end["code"] in hostile_files.EXPECTED.get(name, CODES), end
    assert end["cpu_seconds"] < SECONDS + START_SECONDS
    if end["code"] == "COMPLETED":
        image = sample_images.decode(bytes.fromhex(end["output"]))
        assert image.format == "PNG"
        assert max(image.size) <= 1024
        assert not {"icc_profile", "exif", "comment", "xmp"} & image.info.keys()
        assert image.info == {}
        assert end["facts"]
        assert len(end["facts"]) < MAX_FACTS
        assert hostile_metadata.MARKER not in end["facts"]
        return
    assert not re.search(r"/|\\|Traceback|PIL|Pillow|object at|Error|errno|\n", end["detail"]), end


def test_the_parent_s_memory_is_bounded(ends: Mapping[str, Any]) -> None:
    """The parent holds one raw image and one result."""
    largest = max(len(hostile_files.FILES[name]()) for name in ("jpeg-large-icc", "png-large-exif"))
    assert ends[""]["peak"] - ends[""]["base"] < 3 * largest + 32 * hostile_files.MIB


def test_the_corpus_reaches_every_code_of_a_file(ends: Mapping[str, Any]) -> None:
    """The results contain every code that a file alone can cause; otherwise the corpus proves nothing.

    But RESOURCE_LIMIT, which no file within the default limits reaches: a child has memory for all of them.
    """
    of_files = {
        *("NOT_AN_IMAGE", "TRUNCATED_IMAGE", "CORRUPT_IMAGE", "UNSUPPORTED_FLAVOR", "TIMED_OUT"),
        *("TOO_MANY_PIXELS", "SIDE_TOO_LONG", "TOO_MANY_FRAMES", "TOO_MANY_TOTAL_PIXELS"),
    }
    assert of_files < CODES
    assert {end["code"] for name, end in ends.items() if name} == of_files | {"COMPLETED"}
