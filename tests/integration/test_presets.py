"""Presets on moto: versions, preconditions, owners, jobs that name one."""

import json
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

import api.dependencies
from shared.aws.dynamodb.preset_table import PresetTable
from shared.pipeline.preset import BUILT_IN

GRAY = {"operations": [{"op": "grayscale"}]}
SMALL = {"operations": [{"op": "resize", "width": 10}]}
SOMEONE = {"userArn": "arn:aws:iam::000000000000:user/someone"}
JPEG = {"Content-Type": "image/jpeg"}


def put(cloud: Cloud, name: str, pipeline: Any = GRAY, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    """Write a preset."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return cloud.call("PUT", f"/v1/presets/{name}", json.dumps({"pipeline": pipeline}), headers=sent, **more)


def test_each_change_is_a_new_version(cloud: Cloud) -> None:
    """201 at first, 200 then, a number and an ETag that grow, and each version as it was."""
    first, second = put(cloud, "mine"), put(cloud, "mine", SMALL)
    assert (first.status, first.json["version"], first.headers["ETag"]) == (201, 1, '"1"')
    assert first.headers["Location"].endswith("/prod/v1/presets/mine")
    assert (second.status, second.json["version"], second.headers["ETag"]) == (200, 2, '"2"')
    newest = cloud.call("GET", "/v1/presets/mine")
    assert (newest.json["version"], newest.headers["ETag"]) == (2, '"2"')
    assert newest.json["pipeline"]["operations"][0]["width"] == 10
    old = cloud.call("GET", "/v1/presets/mine", query={"version": "1"})
    assert [each["op"] for each in old.json["pipeline"]["operations"]] == ["grayscale"]
    assert old.headers["ETag"] == '"1"'


def test_a_number_is_given_once(cloud: Cloud) -> None:
    """A preset that is deleted and made anew goes on counting, and what it was stays readable."""
    put(cloud, "mine")
    assert cloud.call("DELETE", "/v1/presets/mine").status == 204
    assert cloud.call("GET", "/v1/presets/mine").json["code"] == "PRESET_NOT_FOUND"
    assert cloud.call("DELETE", "/v1/presets/mine").status == 404
    assert cloud.call("GET", "/v1/presets/mine", query={"version": "1"}).status == 200
    again = put(cloud, "mine", SMALL)
    assert again.status == 201
    assert again.json["version"] > 1


@pytest.mark.parametrize(
    ("before", "headers", "status"),
    [
        (2, {"If-Match": '"2"'}, 200),
        (2, {"If-Match": '"1"'}, 412),
        (0, {"If-Match": '"1"'}, 412),
        (1, {"If-None-Match": "*"}, 412),
        (0, {"If-None-Match": "*"}, 201),
        (1, {"If-None-Match": '"1"'}, 422),
    ],
)
def test_preconditions_of_a_write(cloud: Cloud, before: int, headers: dict[str, str], status: int) -> None:
    """A write whose precondition does not hold changes nothing."""
    for _ in range(before):
        put(cloud, "mine")
    answer = put(cloud, "mine", SMALL, headers)
    assert answer.status == status
    if status == 412:
        assert answer.json["code"] == "PRESET_CHANGED"
    if status >= 400:
        assert cloud.entries() == (before + 1 if before else 0)


def test_preconditions_of_a_deletion(cloud: Cloud) -> None:
    """A preset that has changed is not deleted by who has not seen it."""
    put(cloud, "mine")
    put(cloud, "mine", SMALL)
    assert cloud.call("DELETE", "/v1/presets/mine", headers={"If-Match": '"1"'}).status == 412
    assert cloud.call("GET", "/v1/presets/mine").status == 200
    assert cloud.call("DELETE", "/v1/presets/mine", headers={"If-Match": '"2"'}).status == 204


def test_a_deleted_preset_matches_no_version(cloud: Cloud) -> None:
    """After the deletion nobody's old ETag lets a write through; If-None-Match: * does."""
    put(cloud, "mine")
    cloud.call("DELETE", "/v1/presets/mine")
    assert put(cloud, "mine", SMALL, {"If-Match": '"1"'}).status == 412
    assert put(cloud, "mine", SMALL, {"If-Match": '"2"'}).status == 412
    assert put(cloud, "mine", SMALL, {"If-None-Match": "*"}).status == 201


def test_of_two_writers_one_wins(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write between reading and writing is noticed: 412 with a precondition, else the next number."""
    put(cloud, "mine")
    table = api.dependencies.get_dependencies().presets
    state = PresetTable._numbers
    rivals = [SMALL, SMALL]

    def overtaken(self: PresetTable, owner: str, name: str) -> tuple[int, int]:
        seen = state(self, owner, name)
        if rivals:
            rivals.pop()
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(PresetTable, "_numbers", state)
                assert put(cloud, "mine", SMALL).status == 200
        return seen

    monkeypatch.setattr(PresetTable, "_numbers", overtaken)
    assert put(cloud, "mine", GRAY, {"If-Match": '"1"'}).status == 412
    assert put(cloud, "mine", GRAY).json["version"] == 4
    assert table.get("anonymous", "mine", 3).pipeline.operations[0].op == "resize"


def test_an_unchanged_preset_is_not_sent_again(cloud: Cloud) -> None:
    """304 for who has the version already."""
    put(cloud, "mine")
    answer = cloud.call("GET", "/v1/presets/mine", headers={"If-None-Match": '"1"'})
    assert (answer.status, answer.text) == (304, "")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_presets_can_be_read_and_not_changed(cloud: Cloud, name: str) -> None:
    """Nobody's preset takes the name of one that is built in."""
    assert cloud.call("GET", f"/v1/presets/{name}").json["built_in"] is True
    assert cloud.call("GET", f"/v1/presets/{name}", query={"version": "999"}).status == 404
    for answer in (put(cloud, name), cloud.call("DELETE", f"/v1/presets/{name}")):
        assert (answer.status, answer.json["code"]) == (409, "PRESET_BUILT_IN")
    assert cloud.entries() == 0


@pytest.mark.parametrize(
    ("name", "body", "status", "code", "pointer"),
    [
        ("Mine", {"pipeline": GRAY}, 422, "INVALID_REQUEST", "/name"),
        ("a%23b", {"pipeline": GRAY}, 422, "INVALID_REQUEST", "/name"),
        ("mine", {}, 422, "INVALID_REQUEST", "/pipeline"),
        ("mine", {"pipeline": GRAY, "color": 1}, 422, "INVALID_REQUEST", "/color"),
        ("mine", {"pipeline": {"operations": [{"op": "swirl"}]}}, 422, "INVALID_PIPELINE", "/pipeline/operations/0"),
        ("mine", {"pipeline": GRAY, "description": "x" * 501}, 422, "INVALID_REQUEST", "/description"),
        ("mine", [], 400, "BAD_JSON", None),
    ],
)
def test_a_wrong_preset_is_refused_without_a_trace(  # noqa: PLR0917 - one row of the table above
    cloud: Cloud, name: str, body: Any, status: int, code: str, pointer: str | None
) -> None:
    """What is wrong is pointed at, and nothing is written."""
    answer = cloud.call("PUT", f"/v1/presets/{name}", json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert [each["pointer"] for each in answer.json["errors"]] == ([pointer] if pointer is not None else [])
    assert cloud.entries() == 0


def test_a_preset_is_its_owners(cloud: Cloud) -> None:
    """Another caller neither sees, lists, uses, changes nor deletes it, and may take the same name."""
    put(cloud, "mine", identity=SOMEONE)
    assert cloud.call("GET", "/v1/presets/mine").status == 404
    assert cloud.call("GET", "/v1/presets/mine", query={"version": "1"}).status == 404
    assert cloud.call("DELETE", "/v1/presets/mine").status == 404
    assert "mine" not in [each["name"] for each in cloud.call("GET", "/v1/presets").json["presets"]]
    assert put(cloud, "mine", SMALL).json["version"] == 1
    kept = cloud.call("GET", "/v1/presets/mine", identity=SOMEONE).json
    assert kept["pipeline"]["operations"] == [{"op": "grayscale"}]


def test_the_list_has_all_pages(cloud: Cloud) -> None:
    """Built-in presets first, then the caller's by name, each once, without the deleted ones."""
    for name in ("c", "a", "b", "gone"):
        put(cloud, name)
    put(cloud, "a", SMALL)
    cloud.call("DELETE", "/v1/presets/gone")
    names: list[tuple[str, int]] = []
    cursor: dict[str, str] = {}
    while True:
        page = cloud.call("GET", "/v1/presets", query={"limit": "2", **cursor}).json
        names += [(each["name"], each["version"]) for each in page["presets"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == [*((each.name, each.version) for each in BUILT_IN.values()), ("a", 2), ("b", 1), ("c", 1)]


def test_foreign_cursor_is_refused(cloud: Cloud) -> None:
    """A cursor of somebody's own making is a 400."""
    answer = cloud.call("GET", "/v1/presets", query={"cursor": "../x"})
    assert (answer.status, answer.json["code"]) == (400, "BAD_CURSOR")


def test_a_job_keeps_what_the_preset_said(cloud: Cloud) -> None:
    """A job has the pipeline and the version that it came from, whatever becomes of the preset."""
    put(cloud, "mine", SMALL)
    job = cloud.submit(sample_images.jpeg(), query={"preset": "mine"})
    assert job["preset"] == {"name": "mine", "version": 1}
    put(cloud, "mine", GRAY)
    cloud.call("DELETE", "/v1/presets/mine")
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (done["status"], done["preset"]) == ("COMPLETED", {"name": "mine", "version": 1})
    assert done["result"]["width"] == 10
    assert cloud.item(job["id"])["Preset"] == {"M": {"Name": {"S": "mine"}, "Version": {"N": "1"}}}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_preset_makes_a_picture(cloud: Cloud, name: str) -> None:
    """A job by each preset is completed with the outputs that the preset names."""
    job = cloud.submit(sample_images.jpeg(400, 300), query={"preset": name})
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert done["status"] == "COMPLETED", done["error"]
    assert [each["name"] for each in done["result"]["outputs"]] == [
        each.name for each in BUILT_IN[name].pipeline.outputs
    ]


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"preset": "nobodys"}, "PRESET_NOT_FOUND", "/preset"),
        ({"preset": "No/Name"}, "PRESET_NOT_FOUND", "/preset"),
        ({"preset": ""}, "PRESET_NOT_FOUND", "/preset"),
        ({"preset": "web", "width": "10"}, "INVALID_PIPELINE", ""),
        ({"preset": "web", "pipeline": "{}"}, "INVALID_PIPELINE", ""),
    ],
)
def test_a_wrong_choice_leaves_no_trace(cloud: Cloud, query: dict[str, str], code: str, pointer: str) -> None:
    """An unknown preset, or a preset and something else, is refused before anything is stored."""
    answer = cloud.call("POST", "/v1/jobs", sample_images.jpeg(), headers=JPEG, query=query)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert cloud.keys() == []
    assert cloud.count() == 0
    assert cloud.receive() == []
