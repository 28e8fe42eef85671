"""The demo: its images, its verdict, and what it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageOps
from typer.testing import Result

from safelight.cli.demo import PICTURES, demo_pictures

Invoke = Callable[..., Result]


def test_the_demo_ends_well(invoke: Invoke, tmp_path: Path) -> None:
    """All images are processed, the results are in the folder, and the next steps name the real address."""
    result = invoke("demo")
    assert result.exit_code == 0, result.output
    names = {path.name for path in demo_pictures()}
    saved = {path.name for path in (tmp_path / "demo-results").iterdir()}
    assert saved == {Path(name).stem + ".png" for name in names - {"not-a-picture.png"}}
    assert "engine is up" in result.stdout
    assert "not-a-picture.png failed, as it should" in result.stdout
    assert "base64 -w 0" in result.stdout
    assert "'http://api.test/v1/jobs'" in result.stdout
    assert "http://ui.test" in result.stdout


def test_the_demo_twice_overwrites_its_results(invoke: Invoke, tmp_path: Path) -> None:
    """A second run leaves as many files as the first."""
    invoke("demo", "--out", "out")
    first = sorted((tmp_path / "out").iterdir())
    assert invoke("demo", "--out", "out").exit_code == 0
    assert sorted((tmp_path / "out").iterdir()) == first


def test_demo_json(invoke: Invoke) -> None:
    """For machines there is one document on standard output; what the engine says goes elsewhere."""
    result = invoke("demo", "--json")
    document = json.loads(result.stdout)
    assert document["as_expected"] is True
    assert (document["succeeded"], document["failed"]) == (len(demo_pictures()) - 1, 1)
    assert document["ui_url"] == "http://ui.test"
    assert "engine is up" in result.stderr


def test_a_picture_that_fails_spoils_the_demo(invoke: Invoke, api: Any) -> None:
    """Exit code 1, and the image is named."""
    api.answers = [httpx.Response(500)]
    result = invoke("demo")
    assert result.exit_code == 1
    assert "did not go as expected" in result.stderr


def test_a_fake_that_passes_spoils_the_demo(invoke: Invoke, api: Any) -> None:
    """A pipeline that makes an image of what is none is broken as well."""
    api.forgiving = True
    result = invoke("demo")
    assert result.exit_code == 1
    assert "not-a-picture.png did not go as expected" in result.stderr


def test_the_bundled_pictures_show_what_they_should() -> None:
    """Sideways, transparent, WebP, progressive, over 8 megapixels, small: one of each, at most 3 MB in all."""
    files = {path.name: path for path in demo_pictures()}
    assert sum(path.stat().st_size for path in files.values()) < 3_000_000
    with Image.open(files["coffee-sideways.jpg"]) as picture:
        assert picture.getexif()[0x0112] == 6
        assert ImageOps.exif_transpose(picture).size == (600, 400)
    with Image.open(files["horse-transparent.png"]) as picture:
        assert picture.getchannel("A").getextrema() == (0, 255)
    with Image.open(files["rocket-progressive.jpg"]) as picture:
        assert picture.info["progressive"]
    with Image.open(files["contact-sheet.jpg"]) as picture:
        assert picture.width * picture.height > 8_000_000
    with Image.open(files["clock-small.png"]) as picture:
        assert max(picture.size) < 100
    with Image.open(files["cat.webp"]) as picture:
        assert picture.format == "WEBP"
    assert files["not-a-picture.png"].read_bytes().startswith(b"\x89PNG\r\n\x1a\nThis is no picture.")


def test_every_bundled_picture_has_an_attribution() -> None:
    """Whoever passes the images on can say where each is from."""
    text = (PICTURES / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert [path.name for path in demo_pictures() if path.name not in text] == []
