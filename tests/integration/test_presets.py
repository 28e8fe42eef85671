"""Presets on moto: versions, preconditions, owners and jobs that use them."""

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
OTHER = {"userArn": "arn:aws:iam::000000000000:user/someone"}
JPEG = {"Content-Type": "image/jpeg"}


def put_preset(
    cloud: Cloud, name: str, pipeline: Any = GRAY, headers: dict[str, str] | None = None, **more: Any
) -> Answer:
    """Write a preset."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return cloud.call("PUT", f"/v1/presets/{name}", json.dumps({"pipeline": pipeline}), headers=sent, **more)


def test_each_change_creates_a_version(cloud: Cloud) -> None:
    """Version and ETag increase, and each old version stays readable."""
    first, second = put_preset(cloud, "mine"), put_preset(cloud, "mine", SMALL)
    assert (first.status, first.json["version"], first.headers["ETag"]) == (201, 1, '"1"')
    assert first.headers["Location"].endswith("/prod/v1/presets/mine")
    assert (second.status, second.json["version"], second.headers["ETag"]) == (200, 2, '"2"')
    newest = cloud.call("GET", "/v1/presets/mine")
    assert (newest.json["version"], newest.headers["ETag"]) == (2, '"2"')
    assert newest.json["pipeline"]["operations"][0]["width"] == 10
    old = cloud.call("GET", "/v1/presets/mine", query={"version": "1"})
    assert [each["op"] for each in old.json["pipeline"]["operations"]] == ["grayscale"]
    assert old.headers["ETag"] == '"1"'


def test_version_numbers_are_not_reused(cloud: Cloud) -> None:
    """A preset that is created again after a deletion continues its numbers."""
    put_preset(cloud, "mine")
    assert cloud.call("DELETE", "/v1/presets/mine").status == 204
    assert cloud.call("GET", "/v1/presets/mine").json["code"] == "PRESET_NOT_FOUND"
    assert cloud.call("DELETE", "/v1/presets/mine").status == 404
    assert cloud.call("GET", "/v1/presets/mine", query={"version": "1"}).status == 200
    again = put_preset(cloud, "mine", SMALL)
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
def test_preconditions_protect_writes(cloud: Cloud, before: int, headers: dict[str, str], status: int) -> None:
    """A write with a failed precondition changes nothing."""
    for _ in range(before):
        put_preset(cloud, "mine")
    answer = put_preset(cloud, "mine", SMALL, headers)
    assert answer.status == status
    if status == 412:
        assert answer.json["code"] == "PRESET_CHANGED"
    if status >= 400:
        assert cloud.count_library_entries() == (before + 1 if before else 0)


def test_preconditions_protect_deletions(cloud: Cloud) -> None:
    """A deletion with an old ETag is refused."""
    put_preset(cloud, "mine")
    put_preset(cloud, "mine", SMALL)
    assert cloud.call("DELETE", "/v1/presets/mine", headers={"If-Match": '"1"'}).status == 412
    assert cloud.call("GET", "/v1/presets/mine").status == 200
    assert cloud.call("DELETE", "/v1/presets/mine", headers={"If-Match": '"2"'}).status == 204


def test_etags_of_a_deleted_preset_do_not_match(cloud: Cloud) -> None:
    """After a deletion, only If-None-Match: * can write."""
    put_preset(cloud, "mine")
    cloud.call("DELETE", "/v1/presets/mine")
    assert put_preset(cloud, "mine", SMALL, {"If-Match": '"1"'}).status == 412
    assert put_preset(cloud, "mine", SMALL, {"If-Match": '"2"'}).status == 412
    assert put_preset(cloud, "mine", SMALL, {"If-None-Match": "*"}).status == 201


def test_concurrent_writes_are_detected(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write with a precondition gets 412; a write without one gets the next version."""
    put_preset(cloud, "mine")
    table = api.dependencies.get_dependencies().presets
    state = PresetTable._numbers
    rivals = [SMALL, SMALL]

    def get_outdated_numbers(self: PresetTable, owner: str, name: str) -> tuple[int, int]:
        numbers = state(self, owner, name)
        if rivals:
            rivals.pop()
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(PresetTable, "_numbers", state)
                assert put_preset(cloud, "mine", SMALL).status == 200
        return numbers

    monkeypatch.setattr(PresetTable, "_numbers", get_outdated_numbers)
    assert put_preset(cloud, "mine", GRAY, {"If-Match": '"1"'}).status == 412
    assert put_preset(cloud, "mine", GRAY).json["version"] == 4
    assert table.get("anonymous", "mine", 3).pipeline.operations[0].op == "resize"


def test_unchanged_preset_is_304(cloud: Cloud) -> None:
    """For a request with the current ETag."""
    put_preset(cloud, "mine")
    answer = cloud.call("GET", "/v1/presets/mine", headers={"If-None-Match": '"1"'})
    assert (answer.status, answer.text) == (304, "")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_presets_are_read_only(cloud: Cloud, name: str) -> None:
    """They can be neither replaced nor deleted."""
    assert cloud.call("GET", f"/v1/presets/{name}").json["built_in"] is True
    assert cloud.call("GET", f"/v1/presets/{name}", query={"version": "999"}).status == 404
    for answer in (put_preset(cloud, name), cloud.call("DELETE", f"/v1/presets/{name}")):
        assert (answer.status, answer.json["code"]) == (409, "PRESET_BUILT_IN")
    assert cloud.count_library_entries() == 0


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
def test_invalid_presets_are_not_stored(  # noqa: PLR0917 - one row of the table above
    cloud: Cloud, name: str, body: Any, status: int, code: str, pointer: str | None
) -> None:
    """The response points to the error."""
    answer = cloud.call("PUT", f"/v1/presets/{name}", json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert [each["pointer"] for each in answer.json["errors"]] == ([pointer] if pointer is not None else [])
    assert cloud.count_library_entries() == 0


def test_presets_belong_to_their_owner(cloud: Cloud) -> None:
    """Other callers cannot see, use, change or delete a preset, but can use its name."""
    put_preset(cloud, "mine", identity=OTHER)
    assert cloud.call("GET", "/v1/presets/mine").status == 404
    assert cloud.call("GET", "/v1/presets/mine", query={"version": "1"}).status == 404
    assert cloud.call("DELETE", "/v1/presets/mine").status == 404
    assert "mine" not in [each["name"] for each in cloud.call("GET", "/v1/presets").json["presets"]]
    assert put_preset(cloud, "mine", SMALL).json["version"] == 1
    kept = cloud.call("GET", "/v1/presets/mine", identity=OTHER).json
    assert kept["pipeline"]["operations"] == [{"op": "grayscale"}]


def test_list_has_all_entries(cloud: Cloud) -> None:
    """Each exactly once over all pages, in order, without deleted ones."""
    for name in ("c", "a", "b", "gone"):
        put_preset(cloud, name)
    put_preset(cloud, "a", SMALL)
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


def test_invalid_cursor_is_refused(cloud: Cloud) -> None:
    """With 400."""
    answer = cloud.call("GET", "/v1/presets", query={"cursor": "../x"})
    assert (answer.status, answer.json["code"]) == (400, "BAD_CURSOR")


def test_job_keeps_its_preset_version(cloud: Cloud) -> None:
    """A job keeps pipeline and version when the preset is changed or deleted."""
    put_preset(cloud, "mine", SMALL)
    job = cloud.submit(sample_images.make_jpeg(), query={"preset": "mine"})
    assert job["preset"] == {"name": "mine", "version": 1}
    put_preset(cloud, "mine", GRAY)
    cloud.call("DELETE", "/v1/presets/mine")
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (done["status"], done["preset"]) == ("COMPLETED", {"name": "mine", "version": 1})
    assert done["result"]["width"] == 10
    assert cloud.item(job["id"])["Preset"] == {"M": {"Name": {"S": "mine"}, "Version": {"N": "1"}}}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_preset_completes_a_job(cloud: Cloud, name: str) -> None:
    """With the outputs of the preset."""
    job = cloud.submit(sample_images.make_jpeg(400, 300), query={"preset": name})
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert done["status"] == "COMPLETED", done["error"]
    assert [each["name"] for each in done["result"]["outputs"]] == [
        each.name for each in BUILT_IN[name].pipeline.outputs
    ]


@pytest.mark.parametrize(
    ("name", "similar"), [("wep", "web"), ("Thumbnial", "thumbnail"), ("mien", "mine"), ("nothing-like-it", None)]
)
def test_unknown_preset_is_named_with_the_nearest_name(cloud: Cloud, name: str, similar: str | None) -> None:
    """Among the built-in presets and those of the caller, but not those of others."""
    put_preset(cloud, "mine")
    answer = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), headers=JPEG, query={"preset": name})
    detail = answer.json["detail"]
    assert detail.startswith(f"preset: no preset has the name '{name}'.")
    assert (f"Did you mean {similar}?" in detail) == (similar is not None)
    assert "Names: archive, default, mine, preview" in detail


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
def test_invalid_preset_options_store_nothing(cloud: Cloud, query: dict[str, str], code: str, pointer: str) -> None:
    """An unknown preset, or a preset together with other options, is refused."""
    answer = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), headers=JPEG, query=query)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert cloud.keys() == []
    assert cloud.count() == 0
    assert cloud.receive() == []
