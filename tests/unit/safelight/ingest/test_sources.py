"""Which images sources yield, and in which order."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.filters import SearchOptions
from safelight.ingest.sources import Entry, InvalidEntry, find_entries, sort_names


def create_files(root: Path, *names: str) -> Path:
    """Create files below a folder and return it."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def relative_paths(entries: Iterator[Entry | InvalidEntry]) -> list[str]:
    """Return the relative paths of valid entries."""
    found = list(entries)
    assert all(isinstance(each, Entry) for each in found), found
    return [each.relative for each in found if isinstance(each, Entry)]


def test_folder_yields_its_images_sorted(tmp_path: Path) -> None:
    """Files with the suffix of an image at any depth, without hidden ones."""
    create_files(tmp_path, "b/2.PNG", "b/1.jpg", "a.webp", "notes.txt", ".hidden/x.jpg", "b/._1.jpg", "c/d/e/f.tiff")
    assert relative_paths(find_entries([str(tmp_path)], SearchOptions())) == [
        "a.webp",
        "b/1.jpg",
        "b/2.PNG",
        "c/d/e/f.tiff",
    ]


def test_patterns_replace_the_suffixes(tmp_path: Path) -> None:
    """Only matching names are found, whatever their suffix."""
    create_files(tmp_path, "scan.dat", "scan.jpg", "x/other.dat")
    assert relative_paths(find_entries([str(tmp_path)], SearchOptions(patterns=("*.dat",)))) == [
        "scan.dat",
        "x/other.dat",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.dat", ["a.dat", "x/b/c.dat", "x/d.dat"]),
        ("**/b/**/*.dat", ["x/b/c.dat"]),
        ("x/**/*.dat", ["x/b/c.dat", "x/d.dat"]),
        ("**/x", []),
    ],
)
def test_two_stars_match_any_number_of_folders(tmp_path: Path, pattern: str, found: list[str]) -> None:
    """Also none, like the patterns of watches and of imports. Folders that are excluded this way are skipped whole."""
    create_files(tmp_path, "a.dat", "x/d.dat", "x/b/c.dat")
    assert sorted(relative_paths(find_entries([str(tmp_path)], SearchOptions(patterns=(pattern,))))) == found
    kept = SearchOptions(patterns=("*.dat",), exclude=(pattern,))
    expected = {"a.dat", "x/d.dat", "x/b/c.dat"} - set(found)
    if pattern == "**/x":
        expected = {"a.dat"}
    assert set(relative_paths(find_entries([str(tmp_path)], kept))) == expected


def test_output_folder_is_skipped(tmp_path: Path) -> None:
    """Results below a source are not ingested by the next run."""
    create_files(tmp_path, "a.jpg", "out/a.png")
    assert relative_paths(find_entries([str(tmp_path)], SearchOptions(skipped=(tmp_path / "out",)))) == ["a.jpg"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    """Links to files are."""
    create_files(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    assert relative_paths(find_entries([str(tmp_path)], SearchOptions())) == ["a.jpg", "b.jpg"]


def test_quoted_glob_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start at the part without wildcards."""
    create_files(tmp_path, "p/x/1.jpg", "p/2.jpg", "p/3.png")
    monkeypatch.chdir(tmp_path)
    assert relative_paths(find_entries(["p/**/*.jpg"], SearchOptions())) == ["2.jpg", "x/1.jpg"]


def test_named_file_needs_no_image_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with wildcards that exists is that file."""
    create_files(tmp_path, "scan.dat", "[1].jpg")
    monkeypatch.chdir(tmp_path)
    found = list(find_entries(["scan.dat", "[1].jpg"], SearchOptions()))
    assert found == [
        Entry(source=str(tmp_path / "scan.dat"), relative="scan.dat"),
        Entry(source=str(tmp_path / "[1].jpg"), relative="[1].jpg"),
    ]


@pytest.mark.parametrize("source", ["missing.jpg", "missing/*.jpg", "s3://bucket/prefix/", "s3:///key/"])
def test_missing_source_is_an_invalid_entry(source: str) -> None:
    """It does not stop the other sources."""
    (invalid,) = find_entries([source], SearchOptions())
    assert isinstance(invalid, InvalidEntry)
    assert invalid.where == source
    assert invalid.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_an_invalid_entry(tmp_path: Path) -> None:
    """The folders next to it are found."""
    create_files(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    try:
        closed, found = find_entries([str(tmp_path)], SearchOptions())
    finally:
        (tmp_path / "a").chmod(0o700)
    assert isinstance(closed, InvalidEntry)
    assert isinstance(found, Entry)


@pytest.mark.parametrize("text", [b"a.jpg\nb c.jpg\r\n\nd\xff.jpg", b"a.jpg\0b c.jpg\0d\xff.jpg\0"])
def test_names_are_read_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """One per line or ended by NUL, including undecodable bytes."""
    names = ["a.jpg", "b c.jpg", os.fsdecode(b"d\xff.jpg")]
    create_files(tmp_path, *names)
    monkeypatch.chdir(tmp_path)
    assert relative_paths(find_entries(["-"], SearchOptions(names=io.BytesIO(text)))) == names


def test_s3_objects_are_named_or_listed() -> None:
    """A name that ends in a slash is listed."""

    def list_objects(prefix: str) -> Iterator[str]:
        yield from (prefix + name for name in ("x/1.jpg", "notes.txt", "2.png"))

    search = SearchOptions(list_objects=list_objects)
    assert list(find_entries(["s3://b/k/1.dat"], search)) == [Entry(source="s3://b/k/1.dat", relative="k/1.dat")]
    assert list(find_entries(["s3://b/k/"], search)) == [
        Entry(source="s3://b/k/x/1.jpg", relative="x/1.jpg"),
        Entry(source="s3://b/k/2.png", relative="2.png"),
    ]


@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)))
def test_names_sort_equally_in_memory_and_on_disk(names: list[str]) -> None:
    """Few names are sorted in memory, many on disk."""
    entries = [(name, len(name) % 2 == 0) for name in names]
    assert list(sort_names(entries, max_in_memory=3)) == list(sort_names(entries, max_in_memory=1000))
