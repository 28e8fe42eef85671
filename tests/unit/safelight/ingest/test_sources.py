"""What sources name, in which order, and what they leave out."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.entries import Found, Misfit
from safelight.ingest.sorted_names import in_order
from safelight.ingest.sources import Search, find


def tree(root: Path, *names: str) -> Path:
    """Make files below a folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def relatives(entries: Iterator[Found | Misfit]) -> list[str]:
    """Return where files lie below their source; everything must have been found."""
    found = list(entries)
    assert all(isinstance(each, Found) for each in found), found
    return [each.relative for each in found if isinstance(each, Found)]


def test_a_folder_yields_its_pictures_in_order(tmp_path: Path) -> None:
    """Every file with an image's suffix, however deep, sorted by name; hidden ones and other files are left out."""
    tree(tmp_path, "b/2.PNG", "b/1.jpg", "a.webp", "notes.txt", ".hidden/x.jpg", "b/._1.jpg", "c/d/e/f.tiff")
    assert relatives(find([str(tmp_path)], Search())) == ["a.webp", "b/1.jpg", "b/2.PNG", "c/d/e/f.tiff"]


def test_patterns_replace_the_suffixes(tmp_path: Path) -> None:
    """What is asked for by name is found whatever its suffix, and nothing else."""
    tree(tmp_path, "scan.dat", "scan.jpg", "x/other.dat")
    assert relatives(find([str(tmp_path)], Search(patterns=("*.dat",)))) == ["scan.dat", "x/other.dat"]


def test_the_folder_for_results_is_not_a_source(tmp_path: Path) -> None:
    """Results below a source don't become images of the next run."""
    tree(tmp_path, "a.jpg", "out/a.png")
    assert relatives(find([str(tmp_path)], Search(avoid=(tmp_path / "out",)))) == ["a.jpg"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    """A loop of links ends, and a linked file counts."""
    tree(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    assert relatives(find([str(tmp_path)], Search())) == ["a.jpg", "b.jpg"]


def test_a_quoted_glob_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell did not expand it, we do, and keep the structure below the part without wildcards."""
    tree(tmp_path, "p/x/1.jpg", "p/2.jpg", "p/3.png")
    monkeypatch.chdir(tmp_path)
    assert relatives(find(["p/**/*.jpg"], Search())) == ["2.jpg", "x/1.jpg"]


def test_a_named_file_is_wanted_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suffix counts in folders alone; a name with wildcards that exists is that file."""
    tree(tmp_path, "scan.dat", "[1].jpg")
    monkeypatch.chdir(tmp_path)
    found = list(find(["scan.dat", "[1].jpg"], Search()))
    assert found == [
        Found(source=str(tmp_path / "scan.dat"), relative="scan.dat"),
        Found(source=str(tmp_path / "[1].jpg"), relative="[1].jpg"),
    ]


@pytest.mark.parametrize("source", ["missing.jpg", "missing/*.jpg", "s3://bucket/prefix/", "s3:///key/"])
def test_what_is_not_there_is_an_outcome(source: str) -> None:
    """A source that can't be found is told and stops no other."""
    (misfit,) = find([source], Search())
    assert isinstance(misfit, Misfit)
    assert misfit.where == source
    assert misfit.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_is_closed_is_an_outcome(tmp_path: Path) -> None:
    """Its neighbours are found all the same."""
    tree(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    try:
        closed, found = find([str(tmp_path)], Search())
    finally:
        (tmp_path / "a").chmod(0o700)
    assert isinstance(closed, Misfit)
    assert isinstance(found, Found)


@pytest.mark.parametrize("text", [b"a.jpg\nb c.jpg\r\n\nd\xff.jpg", b"a.jpg\0b c.jpg\0d\xff.jpg\0"])
def test_names_come_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """One a line or ended by NUL, undecodable bytes and all; folders keep their structure in what is relative."""
    names = ["a.jpg", "b c.jpg", os.fsdecode(b"d\xff.jpg")]
    tree(tmp_path, *names)
    monkeypatch.chdir(tmp_path)
    assert relatives(find(["-"], Search(names=io.BytesIO(text)))) == names


def test_objects_are_named_or_listed() -> None:
    """An object's name is taken as it is; what ends in a slash is listed, if there is somebody to ask."""

    def list_objects(prefix: str) -> Iterator[str]:
        yield from (prefix + name for name in ("x/1.jpg", "notes.txt", "2.png"))

    search = Search(list_objects=list_objects)
    assert list(find(["s3://b/k/1.dat"], search)) == [Found(source="s3://b/k/1.dat", relative="k/1.dat")]
    assert list(find(["s3://b/k/"], search)) == [
        Found(source="s3://b/k/x/1.jpg", relative="x/1.jpg"),
        Found(source="s3://b/k/2.png", relative="2.png"),
    ]


@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)))
def test_order_does_not_depend_on_how_many_there_are(names: list[str]) -> None:
    """Sorted on disk is sorted as in memory."""
    entries = [(name, len(name) % 2 == 0) for name in names]
    assert list(in_order(entries, at_once=3)) == list(in_order(entries, at_once=1000))
