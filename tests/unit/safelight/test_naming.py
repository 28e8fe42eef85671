"""File names of results: recognizable, unique and inside their folder."""

from typing import Any

import pytest

from safelight.downloads import result_names
from safelight.models import Job


def job(filename: str | None, *outputs: tuple[str, str]) -> Job:
    """Return a completed job with outputs of these names and formats."""
    facts: list[dict[str, Any]] = [{"name": name, "format": kind} for name, kind in outputs or [("image", "PNG")]]
    return Job.model_validate(
        {"id": "01JOBABCDEF", "status": "COMPLETED", "done": True, "filename": filename, "result": {"outputs": facts}}
    )


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("holiday.jpg", "holiday.png"),
        ("holiday", "holiday.png"),
        ("my.holiday.v2.jpeg", "my.holiday.v2.png"),
        ("😀 ü.png", "😀 ü.png"),
        ("../../etc/passwd", "passwd.png"),
        ("..\\..\\boot.ini", "boot.png"),
        ("/etc/shadow", "shadow.png"),
        (".bashrc", "bashrc.png"),
        ("...", "01JOBABCDEF.png"),
        ("", "01JOBABCDEF.png"),
        (None, "01JOBABCDEF.png"),
        ("a\nb\x00c\u202e.jpg", "abc.png"),
        ('what?"*<>|.jpg', "what______.png"),
        ("x" * 300 + ".jpg", "x" * 200 + ".png"),
    ],
)
def test_result_has_the_stem_of_its_image(filename: str | None, expected: str) -> None:
    """Unsafe characters are removed or replaced. The extension is that of the format."""
    assert result_names(job(filename)) == {"image": expected}


def test_extension_is_that_of_the_format() -> None:
    """An unknown format is sanitized."""
    extensions = [result_names(job("a.x", ("image", kind)))["image"] for kind in ("JPEG", "TIFF", "WEBP", "../X", "")]
    assert extensions == ["a.jpg", "a.tif", "a.webp", "a.x", "a.bin"]


def test_several_outputs_have_their_names() -> None:
    """No output replaces another."""
    names = result_names(job("a.jpg", ("thumb", "PNG"), ("large", "PNG"), ("../up", "PNG")))
    assert names == {"thumb": "a.thumb.png", "large": "a.large.png", "../up": "a.___up.png"}


def test_taken_name_gets_a_suffix_of_the_job_id() -> None:
    """Names are compared without case."""
    assert result_names(job("a.jpg"), taken=["A.PNG"]) == {"image": "a-ABCDEF.png"}


def test_failed_job_has_no_file_names() -> None:
    """It has no outputs."""
    assert result_names(Job.model_validate({"id": "x", "status": "FAILED", "done": True})) == {}
