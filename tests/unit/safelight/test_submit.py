"""Sending images: what arrives at the API, and what never leaves."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from safelight.client import Safelight
from safelight.errors import ApiError, LocalFileError


def query_of(request: Any) -> dict[str, list[str]]:
    """Read a request's query as a server would."""
    return parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)


def test_a_file_arrives_whole_under_its_own_name(client: Safelight, api: Any, picture: Path) -> None:
    """The bytes, their length, the name and the type that leaves judging to the API are sent."""
    job = client.submit(picture)
    request = api.requests[0]
    assert job.status == "PENDING"
    assert api.bodies[0] == picture.read_bytes()
    assert int(request.headers["Content-Length"]) == picture.stat().st_size
    assert request.headers["Content-Type"] == "application/octet-stream"
    assert query_of(request) == {"filename": ["holiday.png"]}


def test_an_object_is_named_instead_of_sent(client: Safelight, api: Any) -> None:
    """Address, name and wishes go as JSON, and no image."""
    client.submit(source="s3://shop/a b.jpg", filename="a.jpg", preset="web", wait=3, idempotency_key="k")
    client.submit(source="s3://shop/b.jpg", options={"width": 3})
    assert [json.loads(body) for body in api.bodies] == [
        {"source": "s3://shop/a b.jpg", "filename": "a.jpg", "preset": "web"},
        {"source": "s3://shop/b.jpg", "width": 3},
    ]
    headers = api.requests[0].headers
    assert (headers["Prefer"], headers["Idempotency-Key"]) == ("wait=3", "k")
    assert api.requests[1].headers["Idempotency-Key"]


@pytest.mark.parametrize("given", [{}, {"picture": b"a", "source": "s3://shop/a.jpg"}])
def test_a_job_has_one_picture(client: Safelight, api: Any, given: dict[str, Any]) -> None:
    """Neither none nor two."""
    with pytest.raises(TypeError):
        client.submit(**given)
    assert api.requests == []


def test_bytes_are_sent_without_a_name_unless_one_is_given(client: Safelight, api: Any) -> None:
    """Bytes have no name of their own."""
    client.submit(b"\x89PNG\r\n\x1a\nx")
    client.submit(b"\x89PNG\r\n\x1a\nx", filename="a.png")
    assert [query_of(each) for each in api.requests] == [{}, {"filename": ["a.png"]}]


@pytest.mark.parametrize(
    "name",
    [
        'quo"te.png',
        "new\nline.png",
        "a&b=c+d%20.png",
        "😀 👩‍👩‍👧.png",
        "ümläut #?.png",
        "'; rm -rf ~.png",
        "\u202egnp.exe",
    ],
)
def test_awkward_names_travel_unharmed(client: Safelight, api: Any, tmp_path: Path, name: str) -> None:
    """Whatever a file is called reaches the API as that name and as nothing else, in plain percent-encoding."""
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\nx")
    client.submit(path)
    request = api.requests[0]
    assert query_of(request) == {"filename": [name]}
    assert b"+" not in request.url.query
    assert unquote(request.url.query.decode().removeprefix("filename=")) == name


def test_a_name_that_is_no_unicode_is_sent_with_marks(client: Safelight, api: Any, tmp_path: Path) -> None:
    """Bytes that no encoding explains become question marks instead of an exception."""
    path = Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.png"))
    path.write_bytes(b"\x89PNG\r\n\x1a\nx")
    client.submit(path)
    assert query_of(api.requests[0]) == {"filename": ["bad?.png"]}


def test_pipeline_options_and_wait_are_told(client: Safelight, api: Any, picture: Path) -> None:
    """The pipeline travels as JSON, switches as true and false, waiting as a preference."""
    pipeline = {"operations": [{"op": "grayscale"}]}
    client.submit(picture, pipeline=pipeline, wait=5)
    client.submit(picture, options={"width": 300, "grayscale": False})
    assert json.loads(query_of(api.requests[0])["pipeline"][0]) == pipeline
    assert api.requests[0].headers["Prefer"] == "wait=5"
    assert query_of(api.requests[1]) == {"filename": ["holiday.png"], "width": ["300"], "grayscale": ["false"]}
    assert "Prefer" not in api.requests[1].headers


def test_every_call_has_an_idempotency_key_of_its_own(client: Safelight, api: Any, picture: Path) -> None:
    """Two calls are two jobs, unless the caller says that they are one."""
    client.submit(picture)
    client.submit(picture)
    client.submit(picture, idempotency_key="mine")
    keys = [each.headers["Idempotency-Key"] for each in api.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_unknown_fields_and_statuses_are_kept(client: Safelight, api: Any, picture: Path) -> None:
    """A newer API does not break this client, and what it says is not lost."""
    job = client.submit(picture)
    api.jobs[job.id]["status"] = "RESTING"
    again = client.status(job.id)
    assert again.status == "RESTING"
    assert again.document()["news"] == "a field that this client does not know"
    assert again.document()["timestamp"] == "2026-11-22T16:34:00.000Z"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.exists, "does not exist"),
        (Path.mkdir, "is a folder"),
        (Path.touch, "is empty"),
        (os.mkfifo, "is not a regular file"),
    ],
)
def test_what_can_be_no_picture_never_leaves(client: Safelight, api: Any, tmp_path: Path, make: Any, says: str) -> None:
    """A missing or empty file, a folder and a pipe are refused here, by name."""
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(LocalFileError, match=f"thing {says}"):
        client.submit(path)
    assert api.requests == []


def test_a_file_that_may_not_be_read_is_named(
    client: Safelight, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing permission is a LocalFileError that says so."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(LocalFileError, match=r"holiday\.png can't be read \(Permission denied\)"):
        client.submit(picture)


def test_no_bytes_are_refused(client: Safelight) -> None:
    """Sending nothing is a mistake that needs no API to be told."""
    with pytest.raises(LocalFileError):
        client.submit(b"")


def test_a_refusal_names_its_code(client: Safelight, tmp_path: Path) -> None:
    """What the API says of a bad file is what the caller gets."""
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(ApiError) as caught:
        client.submit(path)
    assert (caught.value.code, caught.value.status) == ("UNSUPPORTED_TYPE", 415)
