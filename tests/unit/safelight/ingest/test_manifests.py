"""Manifest rows become entries, and invalid rows become invalid entries."""

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.ingest.manifests import ManifestUnusable, read_manifest
from safelight.ingest.sources import Entry, InvalidEntry


def write(path: Path, text: str | bytes) -> Path:
    """Write a manifest and return its path."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_rows_become_entries(tmp_path: Path) -> None:
    """Values are typed, empty ones are omitted, and paths are relative to the manifest."""
    path = write(
        tmp_path / "list.csv",
        "\ufeffpath,filename,width,grayscale,pipeline,preset\r\n"
        'a/b.jpg,"New, name.jpg",300,no,,\r\n'
        's3://bucket/c.png,,,,"{""operations"": []}",\r\n',
    )
    assert list(read_manifest(path)) == [
        Entry(
            source=str(tmp_path / "a/b.jpg"),
            relative="a/b.jpg",
            filename="New, name.jpg",
            options={"width": 300, "grayscale": False},
        ),
        Entry(source="s3://bucket/c.png", relative="c.png", options={"pipeline": {"operations": []}}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_detected(tmp_path: Path, delimiter: str) -> None:
    """From the header. Spreadsheets in many countries write semicolons."""
    rows = [["\ufeffpath", " preset", "width"], ["a b,c;d.jpg", "web", ""]]
    text = "".join(delimiter.join(f'"{each}"' if "," in each else each for each in row) + "\r\n" for row in rows)
    (entry,) = read_manifest(write(tmp_path / "list.csv", text))
    assert isinstance(entry, Entry)
    assert (entry.relative, entry.options) == ("a b,c;d.jpg", {"preset": "web"})


def test_jsonl_rows_become_entries(tmp_path: Path) -> None:
    """One object per line. Null counts as absent."""
    rows: list[dict[str, Any]] = [{"path": "a.jpg", "preset": "web", "width": None}, {"path": "/x/b.jpg"}]
    path = write(tmp_path / "list.jsonl", "\n\n".join(map(json.dumps, rows)))
    assert list(read_manifest(path)) == [
        Entry(source=str(tmp_path / "a.jpg"), relative="a.jpg", options={"preset": "web"}),
        Entry(source="/x/b.jpg", relative="/x/b.jpg"),
    ]


INVALID: dict[str, tuple[str, str | bytes]] = {
    "width": ("list.csv", "path,width\nx.jpg,wide\nok.jpg,1\n"),
    "flag": ("list.csv", "path,enlarge\nx.jpg,maybe\nok.jpg,1\n"),
    "pipeline": ("list.csv", "path,pipeline\nx.jpg,{\nok.jpg,\n"),
    "no path": ("list.csv", "path,width\n,3\nok.jpg,1\n"),
    "too many fields": ("list.csv", "path\nx.jpg,3,4\nok.jpg\n"),
    "quotes": ("list.csv", 'path\n"x"y.jpg\nok.jpg\n'),
    "not json": ("list.jsonl", 'x.jpg\n{"path": "ok.jpg"}\n'),
    "no object": ("list.jsonl", '["x.jpg"]\n{"path": "ok.jpg"}\n'),
    "unknown column": ("list.jsonl", '{"path": "x.jpg", "widht": 3}\n{"path": "ok.jpg"}\n'),
    "path is no text": ("list.jsonl", '{"path": 3}\n{"path": "ok.jpg"}\n'),
    "undecodable": ("list.jsonl", b'{"path": "\xff"}\n{"path": "ok.jpg"}\n'),
    "NUL": ("list.jsonl", '{"path": "a\\u0000b"}\n{"path": "ok.jpg"}\n'),
    "deep": ("list.jsonl", "[" * 100_000 + '\n{"path": "ok.jpg"}\n'),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_row_does_not_affect_the_next(tmp_path: Path, case: str) -> None:
    """It has its line number and a message."""
    name, text = INVALID[case]
    invalid, valid = read_manifest(write(tmp_path / name, text))
    assert isinstance(invalid, InvalidEntry)
    assert invalid.code == "MANIFEST_ROW"
    assert invalid.where.startswith(str(tmp_path / name) + ":")
    assert isinstance(valid, Entry)
    assert valid.relative == "ok.jpg"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("list.txt", "a.jpg", "must end in"),
        ("list.csv", "a.jpg\n", "has an unknown column 'a.jpg'"),
        ("list.csv", "path,widht\na.jpg,3\n", "has an unknown column 'widht'. Did you mean width?"),
        ("list.csv", "Path\na.jpg\n", "has an unknown column 'Path'. Did you mean path?"),
        ("list.csv", "path;presett\na.jpg;3\n", "has an unknown column 'presett'. Did you mean preset?"),
        ("list.csv", "path,path\na.jpg,b.jpg\n", "has a column twice"),
        ("list.csv", "", "has no column path"),
        ("missing.csv", None, "can't be read"),
    ],
)
def test_invalid_manifest_is_rejected(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    """A misspelled column must not be ignored."""
    path = tmp_path / name
    if text is not None:
        write(path, text)
    with pytest.raises(ManifestUnusable, match=says):
        list(read_manifest(path))
