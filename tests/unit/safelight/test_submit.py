"""Submission of images: the requests, and files that are refused locally."""

import io
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from safelight.api_options import JOB_OPTIONS
from safelight.client import Safelight
from safelight.errors import AddressUnknown, ApiError, LocalFileError
from safelight.job_options import JobOptions


def query_of(request: Any) -> dict[str, list[str]]:
    """Return the query of a request."""
    return parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)


def test_file_is_sent_with_its_name(client: Safelight, api: Any, image_file: Path) -> None:
    """The media type leaves the detection to the API."""
    job = client.submit(image_file)
    request = api.requests[0]
    assert job.status == "PENDING"
    assert api.bodies[0] == image_file.read_bytes()
    assert int(request.headers["Content-Length"]) == image_file.stat().st_size
    assert request.headers["Content-Type"] == "application/octet-stream"
    assert query_of(request) == {"filename": ["holiday.png"]}


def test_s3_object_is_sent_by_name(client: Safelight, api: Any) -> None:
    """The body is JSON with the source and the options."""
    client.submit(source="s3://shop/a b.jpg", filename="a.jpg", preset="web", wait=3, idempotency_key="k")
    client.submit(source="s3://shop/b.jpg", options={"width": 3})
    client.submit(source="job:01M82VQ5S0EET9YRA6Y1ZJ28P4", width=3)
    assert [json.loads(body) for body in api.bodies] == [
        {"source": "s3://shop/a b.jpg", "filename": "a.jpg", "preset": "web"},
        {"source": "s3://shop/b.jpg", "width": 3},
        {"source": "job:01M82VQ5S0EET9YRA6Y1ZJ28P4", "width": 3},
    ]
    headers = api.requests[0].headers
    assert (headers["Prefer"], headers["Idempotency-Key"]) == ("wait=3", "k")
    assert api.requests[1].headers["Idempotency-Key"]


@pytest.mark.parametrize("given", [{}, {"image": b"a", "source": "s3://shop/a.jpg"}])
def test_exactly_one_image_is_required(client: Safelight, api: Any, given: dict[str, Any]) -> None:
    """Zero or two raise TypeError."""
    with pytest.raises(TypeError):
        client.submit(**given)
    assert api.requests == []


def test_bytes_have_only_a_given_name(client: Safelight, api: Any) -> None:
    """The argument ``filename``."""
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
def test_special_characters_in_names_are_encoded(client: Safelight, api: Any, tmp_path: Path, name: str) -> None:
    """The API gets the same name."""
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\nx")
    client.submit(path)
    request = api.requests[0]
    assert query_of(request) == {"filename": [name]}
    assert b"+" not in request.url.query
    assert unquote(request.url.query.decode().removeprefix("filename=")) == name


def test_undecodable_name_is_sent_with_question_marks(client: Safelight, api: Any, tmp_path: Path) -> None:
    """No exception."""
    path = Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.png"))
    path.write_bytes(b"\x89PNG\r\n\x1a\nx")
    client.submit(path)
    assert query_of(api.requests[0]) == {"filename": ["bad?.png"]}


def test_pipeline_options_and_wait_are_sent(client: Safelight, api: Any, image_file: Path) -> None:
    """As JSON, as true or false, and as the header Prefer."""
    pipeline = {"operations": [{"op": "grayscale"}]}
    client.submit(image_file, pipeline=pipeline, wait=5)
    client.submit(image_file, options={"width": 300, "grayscale": False})
    assert json.loads(query_of(api.requests[0])["pipeline"][0]) == pipeline
    assert api.requests[0].headers["Prefer"] == "wait=5"
    assert query_of(api.requests[1]) == {"filename": ["holiday.png"], "width": ["300"], "grayscale": ["false"]}
    assert "Prefer" not in api.requests[1].headers


def test_lists_are_sent_as_text(client: Safelight, api: Any, image_file: Path) -> None:
    """In a query, the values are separated by commas."""
    client.submit(image_file, options={"widths": [320, 640], "formats": ("avif", "webp"), "grayscale": True})
    assert query_of(api.requests[0]) == {
        "filename": ["holiday.png"],
        "widths": ["320,640"],
        "formats": ["avif,webp"],
        "grayscale": ["true"],
    }


def test_every_call_has_its_own_idempotency_key(client: Safelight, api: Any, image_file: Path) -> None:
    """Unless the caller gives one."""
    client.submit(image_file)
    client.submit(image_file)
    client.submit(image_file, idempotency_key="mine")
    keys = [each.headers["Idempotency-Key"] for each in api.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_unknown_fields_and_statuses_are_kept(client: Safelight, api: Any, image_file: Path) -> None:
    """The client works with newer APIs."""
    job = client.submit(image_file)
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
def test_invalid_file_sends_no_request(client: Safelight, api: Any, tmp_path: Path, make: Any, says: str) -> None:
    """A missing file, a folder, an empty file and a pipe."""
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(LocalFileError, match=f"thing {says}"):
        client.submit(path)
    assert api.requests == []


def test_unreadable_file_raises_local_file_error(
    client: Safelight, image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the reason."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(LocalFileError, match=r"holiday\.png can't be read \(Permission denied\)"):
        client.submit(image_file)


def test_empty_bytes_are_refused(client: Safelight) -> None:
    """Without a request."""
    with pytest.raises(LocalFileError):
        client.submit(b"")


def test_api_error_has_code_and_status(client: Safelight, tmp_path: Path) -> None:
    """Those of the API."""
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(ApiError) as caught:
        client.submit(path)
    assert (caught.value.code, caught.value.status) == ("UNSUPPORTED_TYPE", 415)


def test_keywords_are_options(client: Safelight, api: Any) -> None:
    """``width=300`` is short for ``options={"width": 300}``, also for S3 objects and plans."""
    client.submit(b"image", width=300, grayscale=False, widths=[1, 2])
    client.submit(source="s3://shop/b.jpg", options={"width": 3}, format="webp")
    assert query_of(api.requests[0]) == {"width": ["300"], "grayscale": ["false"], "widths": ["1,2"]}
    assert json.loads(api.bodies[1]) == {"source": "s3://shop/b.jpg", "width": 3, "format": "webp"}


def test_wrong_keywords_are_refused(client: Safelight, api: Any) -> None:
    """A typing error must not become a job with the default pipeline."""
    with pytest.raises(TypeError, match=r"^widht is not an option of a job\. The options are .*width"):
        client.submit(b"image", widht=300)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="width is given twice"):
        client.submit(b"image", width=300, options={"width": 2})
    assert api.requests == []


def test_every_option_of_the_api_is_a_keyword() -> None:
    """Beside the pipeline and the preset, which are arguments of their own."""
    assert JobOptions.__optional_keys__ | {"pipeline", "preset"} == JOB_OPTIONS.keys()


def test_file_object_is_sent_with_its_name(client: Safelight, api: Any, image_file: Path) -> None:
    """From its current position, with the name of its file if it has one."""
    with image_file.open("rb") as file:
        client.submit(file)
    stream = io.BytesIO(b"xximage")
    stream.seek(2)
    client.submit(stream)
    client.submit(bytearray(b"image"), filename="a.png")
    assert api.bodies == [image_file.read_bytes(), b"image", b"image"]
    assert [query_of(each) for each in api.requests] == [{"filename": ["holiday.png"]}, {}, {"filename": ["a.png"]}]


def test_wrong_objects_are_refused(client: Safelight, api: Any, image_file: Path) -> None:
    """Text, a closed file, and what is no image at all."""
    with pytest.raises(TypeError, match="binary mode"):
        client.submit(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not int"):
        client.submit(3)  # type: ignore[arg-type]
    with image_file.open("rb") as file:
        pass
    with pytest.raises(LocalFileError, match="closed file"):
        client.submit(file)
    with pytest.raises(LocalFileError, match="no bytes"):
        client.submit(io.BytesIO())
    assert api.requests == []


def test_large_file_object_is_read_once(client: Safelight, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A direct upload sends the same bytes, although the file object is at its end."""
    monkeypatch.setattr("safelight.client.DIRECT_BYTES", 5)
    with pytest.raises(ApiError):
        client.submit(io.BytesIO(b"a large image"))
    assert json.loads(api.bodies[0])["size"] == 13


def test_client_finds_the_address_and_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: Any) -> None:
    """The environment first, then the local stack of the current folder. A given URL gets no key of the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SAFELIGHT_API_URL", "SAFELIGHT_STATE_DIR", "SAFELIGHT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AddressUnknown):
        Safelight()
    (tmp_path / ".safelight").mkdir()
    (tmp_path / ".safelight" / "stack.json").write_text('{"api_url": "http://local.test/v1"}')
    with Safelight() as local:
        assert local.api_url == "http://local.test/v1"
    monkeypatch.setenv("SAFELIGHT_API_URL", "http://named.test/v1/")
    monkeypatch.setenv("SAFELIGHT_API_KEY", "secret")
    for url, key in ((None, "secret"), ("http://named.test/v1", None)):
        with Safelight(url, transport=httpx.MockTransport(api)) as named:
            named.health()
        assert api.requests[-1].url.host == "named.test"
        assert api.requests[-1].headers.get("X-Api-Key") == key
