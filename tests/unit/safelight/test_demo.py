"""The demo: its images, output and exit code."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageOps
from typer.testing import Result

from safelight.cli.commands.submit import submit
from safelight.cli.demo import IMAGES_FOLDER, describe_default_pipeline, list_images
from shared.pipeline.pipeline import DEFAULT_PIPELINE

Invoke = Callable[..., Result]


def test_demo_processes_all_images(invoke: Invoke, tmp_path: Path) -> None:
    """The results are in the folder, and the next steps have the API's address."""
    result = invoke("demo")
    assert result.exit_code == 0, result.output
    names = {path.name for path in list_images()}
    saved = {path.name for path in (tmp_path / "demo-results").iterdir()}
    assert saved == {Path(name).stem + ".png" for name in names - {"not-an-image.png"}}
    assert "engine is up" in result.stdout
    assert "not-an-image.png is not an image" in result.stdout
    assert "base64 -w 0" in result.stdout
    assert "'http://api.test/v1/jobs?preset=web'" in result.stdout
    assert "http://ui.test" in result.stdout


def test_demo_prints_each_file_once(invoke: Invoke) -> None:
    """Without a terminal as a line, on a terminal as a row of a table."""
    on_terminal = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": "80"}
    for environment in ({}, on_terminal):
        lines = re.sub(r"\x1b\[[0-9;]*m", "", invoke("demo", **environment).stdout).splitlines()
        for path in list_images():
            assert len([line for line in lines if re.match(rf"{path.name}\s+(JOB\d|COMPLETED|FAILED)", line)]) == 1
        assert any("\t" in line for line in lines) is (not environment)


def test_demo_explains_the_default_pipeline(invoke: Invoke) -> None:
    """The sentence has the values of the code, and the help of ``submit`` says the same."""
    resize, _ = DEFAULT_PIPELINE.operations
    (output,) = DEFAULT_PIPELINE.outputs
    sentence, _, reason = describe_default_pipeline().partition(". ")
    assert f"{resize.width} × {resize.height} pixels, converted to grayscale" in sentence  # type: ignore[union-attr]
    assert f"saved as {output.format.value.upper()}" in sentence
    assert "is lossless" in reason
    assert describe_default_pipeline() in invoke("demo").stdout.splitlines()
    assert sentence in " ".join((submit.__doc__ or "").split())


def test_demo_counts_images_and_the_other_file(invoke: Invoke) -> None:
    """One sample file is not an image."""
    assert f"Processing {len(list_images()) - 1} images, and a file that is not an image." in invoke("demo").stdout


def test_next_steps_write_no_file(invoke: Invoke) -> None:
    """Commands to copy leave nothing in the current folder, except results."""
    steps = invoke("demo").stdout.split("Try next:")[1]
    assert " > " not in steps


def test_second_demo_replaces_the_results(invoke: Invoke, tmp_path: Path) -> None:
    """The files are the same."""
    invoke("demo", "--out", "out")
    first = sorted((tmp_path / "out").iterdir())
    assert invoke("demo", "--out", "out").exit_code == 0
    assert sorted((tmp_path / "out").iterdir()) == first


def test_demo_json(invoke: Invoke) -> None:
    """One document on standard output. Messages of the engine go to standard error."""
    result = invoke("demo", "--json")
    document = json.loads(result.stdout)
    assert document["as_expected"] is True
    assert (document["succeeded"], document["failed"]) == (len(list_images()) - 1, 1)
    assert document["ui_url"] == "http://ui.test"
    assert "engine is up" in result.stderr


def test_failed_image_fails_the_demo(invoke: Invoke, api: Any) -> None:
    """The exit code is 1."""
    api.answers = [httpx.Response(500)]
    result = invoke("demo")
    assert result.exit_code == 1
    assert "did not end as expected" in result.stderr


def test_accepted_invalid_image_fails_the_demo(invoke: Invoke, api: Any) -> None:
    """The file that is not an image must fail."""
    api.forgiving = True
    result = invoke("demo")
    assert result.exit_code == 1
    assert "not-an-image.png did not end as expected" in result.stderr


def test_sample_images_cover_all_features() -> None:
    """Rotated, transparent, WebP, progressive, over 8 megapixels, and small. At most 3 MB in total."""
    files = {path.name: path for path in list_images()}
    assert sum(path.stat().st_size for path in files.values()) < 3_000_000
    with Image.open(files["coffee-sideways.jpg"]) as image:
        assert image.getexif()[0x0112] == 6
        assert ImageOps.exif_transpose(image).size == (600, 400)
    with Image.open(files["horse-transparent.png"]) as image:
        assert image.getchannel("A").getextrema() == (0, 255)
    with Image.open(files["rocket-progressive.jpg"]) as image:
        assert image.info["progressive"]
    with Image.open(files["contact-sheet.jpg"]) as image:
        assert image.width * image.height > 8_000_000
    with Image.open(files["clock-small.png"]) as image:
        assert max(image.size) < 100
    with Image.open(files["cat.webp"]) as image:
        assert image.format == "WEBP"
    assert files["not-an-image.png"].read_bytes().startswith(b"\x89PNG\r\n\x1a\nThis is not an image.")


def test_every_sample_image_has_an_attribution() -> None:
    """Their licenses require it."""
    text = (IMAGES_FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert [path.name for path in list_images() if path.name not in text] == []
