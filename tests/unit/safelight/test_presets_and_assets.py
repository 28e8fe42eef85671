"""Plans, presets and assets through the client and its command."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

from safelight.client import HEAD_BYTES, Safelight
from safelight.errors import ApiError, RequestNotSent

Invoke = Callable[..., Result]
PRESET = {"name": "card", "version": 3, "description": "For cards.", "built_in": False, "pipeline": {"outputs": []}}
ASSET = {"name": "logo", "format": "PNG", "size": 830, "width": 40, "height": 20, "digest": "d"}
PLAN: dict[str, Any] = {
    "ok": True,
    "failure": None,
    "picture": {"format": "JPEG", "width": 4000, "height": 3000, "size": 2_800_000},
    "steps": [{"op": "resize", "width": 256, "height": 256}],
    "outputs": [{"name": "image", "format": "JPEG", "width": 256, "height": 256}],
    "warnings": [{"code": "ALPHA_LOST", "message": "It is laid on white.", "pointer": "/outputs/0", "certain": True}],
    "estimate": {"milliseconds": 157, "memory_bytes": 366_000_000},
}
FAILING = PLAN | {
    "ok": False,
    "outputs": [],
    "failure": {"code": "TOO_MANY_PIXELS", "message": "Too many.", "retriable": False},
}


def ok(document: Any, status: int = 200) -> httpx.Response:
    """Answer with JSON."""
    return httpx.Response(status, json=document)


def head_refused() -> httpx.Response:
    """Answer as the API does when the header is not in what was sent."""
    problem = {"code": "INVALID_REQUEST", "detail": "No.", "errors": [{"pointer": "/head", "detail": "send more"}]}
    return httpx.Response(422, json=problem, headers={"Content-Type": "application/problem+json"})


def test_plan_sends_only_the_start_of_the_file(client: Safelight, api: Any, tmp_path: Path) -> None:
    """The body has the first bytes, the size of the file and the options."""
    image_file = tmp_path / "large.jpg"
    image_file.write_bytes(bytes(range(256)) * 4000)
    api.answers = [ok(PLAN)]
    plan = client.plan(image_file, preset="web")
    body = json.loads(api.bodies[0])
    assert base64.b64decode(body.pop("head")) == image_file.read_bytes()[: HEAD_BYTES[0]]
    assert body == {"preset": "web", "size": 1_024_000}
    assert (plan.ok, plan.outputs[0].width, plan.warnings[0].code) == (True, 256, "ALPHA_LOST")


def test_late_header_needs_a_second_request(client: Safelight, api: Any) -> None:
    """Where the header lies further on, more is sent, once."""
    api.answers = [head_refused(), ok(PLAN)]
    client.plan(bytes(500_000))
    assert [len(base64.b64decode(json.loads(body)["head"])) for body in api.bodies] == [HEAD_BYTES[0], 500_000]


@pytest.mark.parametrize(("size", "requests"), [(1000, 1), (900_000, 2)])
def test_missing_header_raises_the_api_error(client: Safelight, api: Any, size: int, requests: int) -> None:
    """A file that was sent completely is not sent again, and the number of requests is limited."""
    api.answers = [head_refused(), head_refused(), head_refused()]
    with pytest.raises(ApiError):
        client.plan(bytes(size))
    assert len(api.requests) == requests


def test_preset_list_follows_cursors(client: Safelight, api: Any) -> None:
    """Page after page until there is none."""
    api.answers = [
        ok({"presets": [PRESET], "next_cursor": "card"}),
        ok({"presets": [PRESET], "next_cursor": None}),
    ]
    assert [each.version for each in client.presets.list()] == [3, 3]
    assert api.requests[1].url.params["cursor"] == "card"


@pytest.mark.parametrize(("expected", "header"), [(None, (None, None)), (3, ('"3"', None)), (0, (None, "*"))])
def test_precondition_is_sent_as_header(
    client: Safelight, api: Any, expected: int | None, header: tuple[str | None, str | None]
) -> None:
    """A version is If-Match, none at all If-None-Match."""
    api.answers = [ok(PRESET, 201)]
    kept = client.presets.put("card", {"operations": []}, description="For cards.", expected=expected)
    (request,) = api.requests
    assert (request.method, request.url.path) == ("PUT", "/v1/presets/card")
    assert (request.headers.get("If-Match"), request.headers.get("If-None-Match")) == header
    assert json.loads(api.bodies[0]) == {"pipeline": {"operations": []}, "description": "For cards."}
    assert kept.version == 3


def test_preset_version_is_sent(client: Safelight, api: Any) -> None:
    """An old version is named in the query."""
    api.answers = [ok(PRESET)]
    client.presets.get("card", 2)
    assert api.requests[0].url.params["version"] == "2"


def test_asset_is_sent_unchanged(client: Safelight, api: Any, image_file: Path) -> None:
    """Bytes go out raw, and once more when the first try met a gateway's fault."""
    api.answers = [httpx.Response(503), ok(ASSET, 201)]
    assert client.assets.put("logo", image_file).width == 40
    assert [request.method for request in api.requests] == ["PUT", "PUT"]
    assert api.bodies == [image_file.read_bytes()] * 2


@pytest.mark.parametrize(("name", "path"), [("../jobs", "/v1/assets/%2E%2E%2Fjobs"), ("a b", "/v1/assets/a%20b")])
def test_name_is_escaped_in_paths(client: Safelight, api: Any, name: str, path: str) -> None:
    """Whatever a name holds, it stays one part of the path."""
    api.answers = [httpx.Response(204)]
    client.assets.delete(name)
    assert api.requests[0].url.raw_path.decode() == path
    with pytest.raises(RequestNotSent):
        client.presets.delete("")


def test_plan_command_prints_lines(invoke: Invoke, api: Any, image_file: Path) -> None:
    """Sizes on standard output, what to know on standard error."""
    api.answers = [ok(PLAN)]
    result = invoke("plan", image_file, "--preset", "thumbnail")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "image\tJPEG\t4000×3000\t2.8 MB",
        "resize\t-\t256×256\t-",
        "output image\tJPEG\t256×256\t-",
    ]
    assert result.stderr.splitlines() == [
        "Estimate: 157 ms of processing, 366.0 MB of memory.",
        "Note: It is laid on white.",
    ]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"These are notes.", 1, "notes.jpg is not an image in a supported format: JPEG, PNG,"),
        (b"\x89PNG\r\n\x1a\nno header", 1, "notes.jpg starts like a PNG file but"),
        (b"II*\0" + bytes(100), 2, "notes.jpg is in the format TIFF, for which no plan is possible."),
    ],
    ids=["text", "damaged image", "TIFF"],
)
def test_plan_names_the_file_that_can_not_be_read(  # noqa: PLR0917 - a row of the table
    invoke: Invoke, api: Any, tmp_path: Path, content: bytes, code: int, says: str
) -> None:
    """The exit code is 1 if the job would fail. The API's field names are not shown."""
    (tmp_path / "notes.jpg").write_bytes(content)
    api.answers = [head_refused(), head_refused()]
    result = invoke("plan", "notes.jpg")
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert "/head" not in result.stderr
    document = invoke("plan", "notes.jpg", "--json").stdout
    assert (json.loads(document)["ok"] is False) if code == 1 else not document


def test_plan_shows_other_errors_of_the_api(invoke: Invoke, api: Any, image_file: Path) -> None:
    """An unknown preset concerns no file."""
    api.answers = [httpx.Response(404, json={"detail": "There is no such preset.", "code": "PRESET_NOT_FOUND"})]
    result = invoke("plan", image_file)
    assert (result.exit_code, result.stderr) == (
        1,
        "There is no such preset. (PRESET_NOT_FOUND)\nTo list the names, run: safelight presets list\n",
    )


def test_plan_command_shows_an_expected_failure(invoke: Invoke, api: Any, image_file: Path) -> None:
    """The error code is printed, and the exit code reports the failure."""
    api.answers = [ok(FAILING)]
    result = invoke("plan", image_file)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "The job would fail: Too many. (TOO_MANY_PIXELS)")


def test_plan_command_sends_the_short_options(invoke: Invoke, api: Any, image_file: Path) -> None:
    """They are those of submit, in a member of their own."""
    api.answers = [ok(PLAN)]
    assert json.loads(invoke("plan", image_file, "--width", "30", "--color", "--json").stdout)["ok"] is True
    assert json.loads(api.bodies[0])["options"] == {"width": 30, "grayscale": False}


def test_submit_command_sends_the_preset(invoke: Invoke, api: Any, image_file: Path) -> None:
    """The name goes out as the option of that name."""
    assert invoke("submit", image_file, "--preset", "thumbnail").exit_code == 0
    assert api.requests[0].url.params["preset"] == "thumbnail"


@pytest.mark.parametrize("command", ["submit", "plan"])
@pytest.mark.parametrize("also", [["--pipeline", "{}"], ["--width", "3"]])
def test_preset_excludes_other_options(
    invoke: Invoke, api: Any, image_file: Path, command: str, also: list[str]
) -> None:
    """Two ways of asking at once are refused before anything is sent."""
    assert invoke(command, image_file, "--preset", "web", *also).exit_code == 2
    assert api.requests == []


def test_presets_command_lists_and_changes_presets(invoke: Invoke, api: Any) -> None:
    """List, show, put and delete, each one request."""
    api.answers = [
        ok({"presets": [PRESET], "next_cursor": None}),
        ok(PRESET),
        ok(PRESET, 201),
        httpx.Response(204),
    ]
    assert invoke("presets", "list").stdout == "card\t3\town\tFor cards.\n"
    assert json.loads(invoke("presets", "show", "card", "--version", "3").stdout)["version"] == 3
    put = invoke("presets", "put", "card", "--pipeline", '{"operations": []}', "--if-version", "0")
    assert (put.exit_code, put.stdout) == (0, "card\t3\town\tFor cards.\n")
    assert invoke("presets", "delete", "card", "--if-version", "3").exit_code == 0
    assert [request.method for request in api.requests] == ["GET", "GET", "PUT", "DELETE"]


def test_assets_command_lists_and_changes_assets(invoke: Invoke, api: Any, image_file: Path) -> None:
    """List, put and delete, each one request."""
    api.answers = [ok({"assets": [ASSET], "next_cursor": None}), ok(ASSET, 201), httpx.Response(204)]
    assert invoke("assets", "list").stdout == "logo\tPNG\t40×20\t830 B\n"
    assert json.loads(invoke("assets", "put", "logo", image_file, "--json").stdout)["assets"][0]["name"] == "logo"
    assert invoke("assets", "delete", "logo").exit_code == 0
    assert [request.method for request in api.requests] == ["GET", "PUT", "DELETE"]
