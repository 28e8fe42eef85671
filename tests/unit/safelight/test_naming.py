"""Names of results: recognisable, unique, and never outside their folder."""

from typing import Any

import pytest

from safelight.downloads import result_names
from safelight.models import Job


def job(filename: str | None, *outputs: tuple[str, str]) -> Job:
    """Make a completed job with outputs of these names and formats."""
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
def test_a_result_is_named_after_its_picture(filename: str | None, expected: str) -> None:
    """The stem stays as far as it is safe in a folder, the extension follows the format."""
    assert result_names(job(filename)) == {"image": expected}


def test_formats_have_their_usual_extensions() -> None:
    """JPEG is jpg, TIFF is tif, and a format that nobody knows is kept harmless."""
    made = [result_names(job("a.x", ("image", kind)))["image"] for kind in ("JPEG", "TIFF", "WEBP", "../X", "")]
    assert made == ["a.jpg", "a.tif", "a.webp", "a.x", "a.bin"]


def test_several_outputs_carry_their_names() -> None:
    """No output overwrites another, not even on a disk that knows no upper case."""
    names = result_names(job("a.jpg", ("thumb", "PNG"), ("large", "PNG"), ("../up", "PNG")))
    assert names == {"thumb": "a.thumb.png", "large": "a.large.png", "../up": "a.___up.png"}


def test_a_name_that_is_taken_gets_the_end_of_the_id() -> None:
    """The job tells results of one name apart."""
    assert result_names(job("a.jpg"), taken=["A.PNG"]) == {"image": "a-ABCDEF.png"}


def test_a_job_without_result_has_no_names() -> None:
    """Nothing was made, nothing is named."""
    assert result_names(Job.model_validate({"id": "x", "status": "FAILED", "done": True})) == {}
