"""Forms as Uppy, Dropzone, FilePond and HTML pages send them: their own fields are ignored with a warning."""

from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

IMAGE = sample_images.make_png(64, 48)
#: What each library sends besides the file: pairs of name and value, in its order. The file comes last.
FIELDS: dict[str, list[tuple[str, str]]] = {
    # @uppy/xhr-upload: all of the file's metadata
    "Uppy": [("relativePath", "null"), ("name", "a b.png"), ("type", "image/png"), ("tags[]", "x"), ("tags[]", "y")],
    # dropzone, with one chunk
    "Dropzone": [
        *(("dzuuid", "5f0f9c1e-6d4b-4c58-b0f3-0c1e8f7a6b5d"), ("dzchunkindex", "0"), ("dztotalfilesize", "185")),
        *(("dzchunksize", "2000000"), ("dztotalchunkcount", "1"), ("dzchunkbyteoffset", "0"), ("fullPath", "a.png")),
    ],
    # filepond: the metadata of the file, under the name of the file
    "FilePond": [("filepond", "{}")],
    "HTML": [("authenticity_token", "abc"), ("MAX_FILE_SIZE", "100"), ("submit", "Upload")],
}
FILE_NAMES = {"FilePond": "filepond"}


def send(cloud: Cloud, fields: list[tuple[str, str]], file: str = "file", **more: Any) -> Answer:
    """Send a form."""
    body = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields
    )
    head = (
        f'--x\r\nContent-Disposition: form-data; name="{file}"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x", **more.pop("headers", {})}
    return cloud.call("POST", "/v1/jobs", body + head.encode() + IMAGE + b"\r\n--x--\r\n", headers=headers, **more)


@pytest.mark.parametrize("library", FIELDS)
def test_fields_of_libraries_are_ignored_with_a_warning(cloud: Cloud, library: str) -> None:
    """The options in the query and in the form still apply."""
    fields = [*FIELDS[library], ("width", "20")]
    answer = send(cloud, fields, FILE_NAMES.get(library, "file"), query={"grayscale": "false"})
    assert answer.status == 202, answer.text
    job = answer.json
    assert job["filename"] == "a b.png"
    assert [each["op"] for each in job["pipeline"]["operations"]] == ["resize"]
    assert job["pipeline"]["operations"][0]["width"] == 20
    expected = [f"The form field {name!r} is not an option. It was ignored." for name, _ in FIELDS[library]]
    assert job["warnings"] == sorted(set(expected))


def test_repeated_form_has_the_same_warnings(cloud: Cloud) -> None:
    """The ignored fields do not make the request another one."""
    headers = {"Idempotency-Key": "k"}
    first = send(cloud, [("a", "1")], headers=headers)
    second = send(cloud, [("a", "2")], headers=headers)
    assert (first.json["id"], first.json["warnings"]) == (second.json["id"], second.json["warnings"])


def test_warnings_are_about_the_request_only(cloud: Cloud) -> None:
    """A later response shows the warnings of the job."""
    job = send(cloud, [("a", "1")]).json
    assert cloud.call("GET", f"/v1/jobs/{job['id']}").json["warnings"] == []


def test_names_of_ignored_fields_are_bounded(cloud: Cloud) -> None:
    """In number and length, and without control characters."""
    warnings = send(cloud, [(f"{number}\x07{'n' * 200}", "") for number in range(30)]).json["warnings"]
    assert len(warnings) == 20
    assert max(map(len, warnings)) < 110
    assert not [each for each in warnings if not each.isprintable()]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ([("width", "wide")], 422, "INVALID_PIPELINE"),
        ([("width", "1"), ("width", "2")], 400, "BAD_MULTIPART"),
        ([("preset", "none")], 422, "PRESET_NOT_FOUND"),
        ([("dztotalchunkcount", "3")], 400, "BAD_MULTIPART"),
        ([("qqtotalparts", "2")], 400, "BAD_MULTIPART"),
        ([("chunks", "2")], 400, "BAD_MULTIPART"),
    ],
)
def test_wrong_options_and_single_chunks_are_refused(
    cloud: Cloud, fields: list[tuple[str, str]], status: int, code: str
) -> None:
    """An option is not a field of a library, and a chunk is not an image."""
    answer = send(cloud, fields)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.count() == 0


def test_unknown_members_and_parameters_are_refused(cloud: Cloud) -> None:
    """No library adds members to JSON or parameters to the query."""
    assert send(cloud, [], query={"widht": "1"}).json["code"] == "INVALID_REQUEST"
    assert cloud.post("/v1/jobs", {"content": "aaaa", "widht": 1}).status in {415, 422}
