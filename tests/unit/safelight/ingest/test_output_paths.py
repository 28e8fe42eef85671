"""Output paths keep the structure of the source and stay below the output folder."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.output_paths import make_collision_key, make_output_path


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
def test_output_path_keeps_safe_folders(relative: str, expected: str) -> None:
    """Unsafe parts are dropped or sanitized."""
    assert make_output_path(relative) == expected


@given(relative=st.text(st.characters(exclude_categories=())))
def test_output_path_stays_in_the_folder(relative: str) -> None:
    """The path is relative, encodable and has no empty, hidden or upward part."""
    path = PurePosixPath(make_output_path(relative))
    assert not path.is_absolute()
    assert str(path) == make_output_path(relative)
    assert all(part and not part.startswith(".") and len(part.encode()) <= 200 for part in path.parts)
    assert "\\" not in str(path)
    assert "\0" not in str(path)


def test_paths_that_differ_in_case_or_normalization_collide() -> None:
    """Some file systems treat them as one."""
    assert make_collision_key("A/\u00c9.png") == make_collision_key("a/e\u0301.png")
