"""Manifests: rows become images with options of their own, bad rows become outcomes."""

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.ingest.entries import Found, Misfit
from safelight.ingest.manifests import ManifestUnusable, read_manifest


def written(path: Path, text: str | bytes) -> Path:
    """Write a manifest."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv(tmp_path: Path) -> None:
    """Columns are typed as the API wants them, empty ones are not there, paths start at the manifest."""
    path = written(
        tmp_path / "list.csv",
        "\ufeffpath,filename,width,grayscale,pipeline,preset\r\n"
        'a/b.jpg,"New, name.jpg",300,no,,\r\n'
        's3://bucket/c.png,,,,"{""operations"": []}",\r\n',
    )
    assert list(read_manifest(path)) == [
        Found(
            source=str(tmp_path / "a/b.jpg"),
            relative="a/b.jpg",
            filename="New, name.jpg",
            options={"width": 300, "grayscale": False},
        ),
        Found(source="s3://bucket/c.png", relative="c.png", options={"pipeline": {"operations": []}}),
    ]


def test_jsonl(tmp_path: Path) -> None:
    """One object a line, values typed already; null is as good as absent."""
    rows: list[dict[str, Any]] = [{"path": "a.jpg", "preset": "web", "width": None}, {"path": "/x/b.jpg"}]
    path = written(tmp_path / "list.jsonl", "\n\n".join(map(json.dumps, rows)))
    assert list(read_manifest(path)) == [
        Found(source=str(tmp_path / "a.jpg"), relative="a.jpg", options={"preset": "web"}),
        Found(source="/x/b.jpg", relative="/x/b.jpg"),
    ]


BAD: dict[str, tuple[str, str | bytes]] = {
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


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_an_outcome(tmp_path: Path, case: str) -> None:
    """It says where it stands and what is wrong, and the next row is an image all the same."""
    name, text = BAD[case]
    bad, good = read_manifest(written(tmp_path / name, text))
    assert isinstance(bad, Misfit)
    assert bad.code == "MANIFEST_ROW"
    assert bad.where.startswith(str(tmp_path / name) + ":")
    assert isinstance(good, Found)
    assert good.relative == "ok.jpg"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("list.txt", "a.jpg", "must end in"),
        ("list.csv", "a.jpg\n", "knows no column 'a.jpg'"),
        ("list.csv", "path,widht\na.jpg,3\n", "knows no column 'widht'"),
        ("list.csv", "", "has no column path"),
        ("missing.csv", None, "can't be read"),
    ],
)
def test_what_is_no_manifest_is_said_at_once(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    """A misspelt column must not be an option that silently does nothing."""
    path = tmp_path / name
    if text is not None:
        written(path, text)
    with pytest.raises(ManifestUnusable, match=says):
        list(read_manifest(path))
