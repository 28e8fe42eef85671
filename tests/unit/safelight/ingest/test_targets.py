"""Where results go: the structure of the source, never outside the folder for results."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.media_types import UNKNOWN, media_type
from safelight.ingest.output_paths import collision_key, target


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("a/b.jpg", "a/b"),
        ("b", "b"),
        ("/data/x/a.jpg", "data/x/a"),
        ("../../etc/passwd.jpg", "etc/passwd"),
        ("..\\..\\boot.ini", "boot"),
        ("a/./b/../c.png", "a/b/c"),
        (".hidden/.x.jpg", "hidden/x"),
        ("a\n/b\x00.jpg", "a/b"),
        ("...", "picture"),
        ("", "picture"),
    ],
)
def test_a_result_keeps_its_folders(relative: str, expected: str) -> None:
    """As far as they are safe."""
    assert target(relative) == expected


@given(relative=st.text(st.characters(exclude_categories=())))
def test_no_name_leads_out_of_the_folder(relative: str) -> None:
    """Whatever the name, the target is relative, has no empty, hidden or upward part, and can be encoded."""
    path = PurePosixPath(target(relative))
    assert not path.is_absolute()
    assert str(path) == target(relative)
    assert all(part and not part.startswith(".") and len(part.encode()) <= 200 for part in path.parts)
    assert "\\" not in str(path)
    assert "\0" not in str(path)


def test_paths_that_one_disk_takes_for_one_collide() -> None:
    """Without case, and however accents are written."""
    assert collision_key("A/\u00c9.png") == collision_key("a/e\u0301.png")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", UNKNOWN),
        (b"II*\0", "image/tiff"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypmp42", UNKNOWN),
        (b"%PDF-1.7", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_the_content_decides_the_type(head: bytes, expected: str) -> None:
    """What it does not know is left to the API."""
    assert media_type(head) == expected
