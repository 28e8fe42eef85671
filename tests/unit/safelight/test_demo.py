"""The demo: its images, output and exit code."""

import json
import re
import shlex
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


def test_demo_processes_all_images(invoke: Invoke, tmp_path: Path, api: Any) -> None:
    """First with the preset, then one image without options. The next steps have the API's address."""
    result = invoke("demo")
    assert result.exit_code == 0, result.output
    names = {path.name for path in list_images()}
    created = [request.url.params for request in api.requests if request.method == "POST"]
    assert sorted(each["filename"] for each in created[:-1]) == sorted(names)
    assert {each.get("preset") for each in created[:-1]} == {"web"}
    assert dict(created[-1]) == {"filename": "astronaut.jpg"}
    results = tmp_path / "demo-results"
    assert len([path for path in results.iterdir() if path.is_file()]) == len(names) - 1
    assert {path.name for path in (results / "originals").iterdir()} == names
    assert "engine is up" in result.stdout
    assert "API=http://api.test/v1\n" in result.stdout
    assert "http://ui.test" in result.stdout


def test_demo_prints_a_short_row_per_file(invoke: Invoke) -> None:
    """Name, sizes and saving, as soon as a job has ended. The example of the default pipeline has a second row."""
    lines = invoke("demo").stdout.splitlines()
    rows = [line for line in lines if re.match(r"[a-z-]+\.(jpg|png|webp) ", line)]
    assert sorted(row.split()[0] for row in rows[:-1]) == sorted(path.name for path in list_images())
    assert rows[-1].startswith("astronaut.jpg ")
    sizes = r"\d+ (B|KB)\s+\d+ B   -?\d+ %"
    for row in rows:
        expected = r"\S+\s+\d+ B\s+failed   as expected: not an image" if "not-an" in row else rf"\S+\s+{sizes}"
        expected = expected if "contact" not in row else r"\S+\s+1.2 MB\s+\d+ B   100 %"
        assert re.fullmatch(expected, row), row
        assert len(row) < 80
    assert any(re.match(r"8 images\s+1.5 MB\s+\d+ B   100 %", line) for line in lines)


def test_demo_is_patient(invoke: Invoke, api: Any, fake_time: Any) -> None:
    """On a busy machine, processes start slowly: the API refuses requests for minutes, and jobs take long."""
    api.answers = [httpx.Response(429, headers={"Retry-After": "5"})] * 50  # fewer than the tries of one request
    assert invoke("demo").exit_code == 0
    assert fake_time.now > 100


def test_demo_explains_the_default_pipeline(invoke: Invoke) -> None:
    """The sentence has the values of the code, and the help of ``submit`` says the same."""
    resize, _ = DEFAULT_PIPELINE.operations
    (output,) = DEFAULT_PIPELINE.outputs
    sentence, _, reason = describe_default_pipeline().partition(". ")
    assert f"{resize.width} × {resize.height} pixels, converted to grayscale" in sentence  # type: ignore[union-attr]
    assert f"saved as {output.format.value.upper()}" in sentence
    assert "is lossless" in reason
    assert f"{describe_default_pipeline()} For example:" in invoke("demo").stdout.splitlines()
    assert sentence in " ".join((submit.__doc__ or "").split())


def test_demo_counts_images_and_the_other_file(invoke: Invoke) -> None:
    """One sample file is not an image."""
    expected = f"Processing {len(list_images()) - 1} images with the preset web, and a file that is not an image:"
    assert expected in invoke("demo").stdout


def test_next_steps_write_no_file(invoke: Invoke) -> None:
    """Commands to copy leave nothing in the current folder, except results."""
    steps = invoke("demo").stdout.split("Try next:")[1]
    assert " > " not in steps


def test_next_steps_fit_a_terminal(invoke: Invoke, tmp_path: Path) -> None:
    """No line is longer than 80 characters, wherever Safelight is installed. The shell finds the files they name."""
    steps = invoke("demo").stdout.split("Done.")[1]
    assert max(map(len, steps.splitlines())) <= 80
    assert str(IMAGES_FOLDER) not in steps
    commands = [shlex.split(each) for each in steps.split("Try next:")[1].replace("\\\n", "").splitlines() if each]
    named = [word.lstrip("@") for words in commands for word in words if "originals" in word]
    assert len(named) == 3
    assert all((tmp_path / each).is_file() for each in named)


def test_second_demo_replaces_the_results(invoke: Invoke, tmp_path: Path) -> None:
    """The files are the same."""
    invoke("demo", "--out", "out")
    first = sorted((tmp_path / "out").rglob("*"))
    assert invoke("demo", "--out", "out").exit_code == 0
    assert sorted((tmp_path / "out").rglob("*")) == first


def test_demo_json(invoke: Invoke) -> None:
    """One document on standard output. Messages of the engine go to standard error."""
    result = invoke("demo", "--json")
    document = json.loads(result.stdout)
    assert document["as_expected"] is True
    assert (document["succeeded"], document["failed"]) == (len(list_images()), 1)
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
