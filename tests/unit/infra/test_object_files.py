"""Files of objects are where MiniStack would put them."""

import importlib
import itertools
from pathlib import Path
from typing import Any

import pytest

from infra.engines.patches import object_files

s3: Any = importlib.import_module("ministack.services.s3")
PATCHED = ("_key_disk_path", "_other_key_disk_path", "_atomic_write")
KEYS = (
    "raw/direct/01J",
    "raw/direct/01J/under",
    "raw",
    "raw/direct",
    "processed/01J/1/result",
    "a//b",
    "../outside",
    "ends/",
    "x" * 201,
    "/".join(["y" * 190] * 30),
    "link/inside",
    "late.meta.json",
)


@pytest.fixture
def original(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Install the patch, and return MiniStack's own functions."""
    functions = {name: getattr(s3, name) for name in PATCHED}
    for name, function in functions.items():
        monkeypatch.setattr(s3, name, function)
    object_files.install(s3)
    return functions


@pytest.mark.parametrize("order", list(itertools.permutations(KEYS[:4])))
def test_paths_are_the_same(original: dict[str, Any], tmp_path: Path, order: tuple[str, ...]) -> None:
    """Whatever is on the disk, each key has the path that MiniStack finds, and so has its other path."""
    base = str(tmp_path / "account" / "bucket")
    outside = tmp_path / "outside"
    outside.mkdir()
    for key in order:
        check_paths(original, base)
        path = Path(s3._key_disk_path(base, key))
        path.parent.mkdir(parents=True, exist_ok=True)
        s3._atomic_write(str(path), b"bytes of " + key.encode())
    check_paths(original, base)
    Path(base, "link").symlink_to(outside)
    check_paths(original, base)


def check_paths(original: dict[str, Any], base: str) -> None:
    """Compare both paths of all keys."""
    for key in KEYS:
        path = s3._key_disk_path(base, key)
        assert path == original["_key_disk_path"](base, key), key
        assert_same_files(s3._other_key_disk_path(base, key, path), original["_other_key_disk_path"](base, key, path))


def assert_same_files(found: str | None, expected: str | None) -> None:
    """Both paths are equal, or neither file exists: the caller deletes this file."""
    assert found == expected or (found is None and expected is not None and not is_used(expected))


def is_used(path: str) -> bool:
    """Return True if an object has this file."""
    try:
        return Path(path).is_file() or Path(path + ".meta.json").is_file()
    except OSError:
        return False


def test_a_hidden_object_is_found_by_its_mark(original: dict[str, Any], tmp_path: Path) -> None:
    """A deleted object of a bucket with versions has only the file with its facts."""
    base = str(tmp_path / "bucket")
    Path(base).mkdir()
    Path(base, "key.meta.json").write_text("{}", encoding="utf-8")
    assert s3._key_disk_path(base, "key") == original["_key_disk_path"](base, "key") == str(Path(base, "key"))


@pytest.mark.usefixtures("original")
def test_files_are_written_whole(tmp_path: Path) -> None:
    """A file is replaced, is readable by its owner only, and leaves nothing else behind."""
    path = tmp_path / "object"
    for content in (b"first", bytes(3_000_000), b""):
        s3._atomic_write(str(path), content)
        assert path.read_bytes() == content
    s3._atomic_write(str(path), "Größe", text=True)
    assert path.read_text(encoding="utf-8") == "Größe"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("original")
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full, the old content stays and the new file is deleted."""
    path = tmp_path / "object"
    s3._atomic_write(str(path), b"old")

    def fail(_descriptor: int, _content: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", fail)
    with pytest.raises(OSError, match="No space left"):
        s3._atomic_write(str(path), b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
