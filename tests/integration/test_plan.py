"""Plans on moto: a job does what its plan says, and planning stores nothing."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud
from support.thorough import every

FACTS = {"width": 400, "height": 300, "format": "JPEG"}
JSON = {"Content-Type": "application/json"}
PIPELINES: list[Any] = [
    {},
    {"operations": [{"op": "resize", "width": 33}]},
    {"operations": [{"op": "resize", "width": 100, "height": 100, "fit": "cover"}]},
    {"operations": [{"op": "resize", "width": 900, "height": 20, "fit": "exact", "enlarge": True}]},
    {"operations": [{"op": "grayscale"}, {"op": "resize", "height": 7}], "output": {"format": "webp"}},
    {"operations": [{"op": "rotate", "angle": 30}, {"op": "pad", "top": 5}, {"op": "crop", "width": 50, "height": 60}]},
    {"outputs": [{"name": "a", "format": "jpeg"}, {"name": "b", "format": "png"}]},
]


def create_plan(cloud: Cloud, document: Mapping[str, Any], **more: Any) -> Answer:
    """Request a plan."""
    return cloud.call("POST", "/v1/plan", json.dumps(document), headers=JSON, **more)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("kind", every(2, ["JPEG", "PNG", "WEBP", "BMP"]))
def test_job_matches_its_plan(cloud: Cloud, pipeline: Any, kind: str) -> None:
    """From the head of a file, the plan predicts size and format of each output."""
    data = sample_images.encode(sample_images.draw_scene(401, 299), kind)
    planned = create_plan(
        cloud, {"head": base64.b64encode(data[:2000]).decode(), "size": len(data), "pipeline": pipeline}
    )
    assert planned.status == 200, planned.text
    job = cloud.submit(data, query={"pipeline": json.dumps(pipeline)})
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    facts = ("name", "format", "media_type", "width", "height")
    assert [{name: each[name] for name in facts} for each in planned.json["outputs"]] == [
        {name: each[name] for name in facts} for each in done["result"]["outputs"]
    ]
    assert planned.json["pipeline"] == job["pipeline"]
    assert planned.json["picture"]["format"] == done["raw"]["format"]


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [
        ("MAX_RAW_BYTES", "100", "TOO_MANY_BYTES"),
        ("MAX_PIXELS", "1000", "TOO_MANY_PIXELS"),
        ("MAX_SIDE", "90", "SIDE_TOO_LONG"),
    ],
)
def test_job_fails_as_planned(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, limit: str, value: str, code: str) -> None:
    """The error of the job equals the failure of the plan."""
    monkeypatch.setenv(limit, value)
    data = sample_images.make_jpeg(100, 80)
    planned = create_plan(cloud, {"head": base64.b64encode(data).decode(), "size": len(data)}).json
    job = cloud.submit(data)
    assert cloud.deliver(cloud.receive()) == []
    error = cloud.call("GET", f"/v1/jobs/{job['id']}").json["error"]
    assert error == planned["failure"]
    assert (planned["ok"], error["code"], planned["outputs"]) == (False, code, [])
    assert [each["code"] for each in planned["limits"] if each["exceeded"]] == [code]


def test_plan_resolves_the_preset(cloud: Cloud) -> None:
    """The plan has the name and version of the preset."""
    answer = create_plan(cloud, FACTS | {"preset": "thumbnail"})
    assert answer.json["preset"] == {"name": "thumbnail", "version": 1}
    assert [(each["width"], each["height"]) for each in answer.json["outputs"]] == [(256, 256)]


def test_plan_accepts_the_shorthand(cloud: Cloud) -> None:
    """`options` has the query parameters of POST /v1/jobs."""
    answer = create_plan(cloud, FACTS | {"options": {"width": 100, "grayscale": False, "format": "webp"}})
    assert [step["op"] for step in answer.json["steps"]] == ["resize"]
    assert answer.json["outputs"][0]["media_type"] == "image/webp"
    assert answer.json["steps"][0] == {"op": "resize", "width": 100, "height": 75, "exact": True}


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({}, 422, "INVALID_REQUEST"),
        (FACTS | {"width": -1}, 422, "INVALID_REQUEST"),
        (FACTS | {"pipeline": {"operations": [{"op": "swirl"}]}}, 422, "INVALID_PIPELINE"),
        (FACTS | {"preset": "nobodys"}, 422, "PRESET_NOT_FOUND"),
        ([], 400, "BAD_JSON"),
    ],
)
def test_invalid_plan_requests_are_refused(cloud: Cloud, document: Any, status: int, code: str) -> None:
    """With the status and code of a job request."""
    answer = create_plan(cloud, document)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_plan_stores_nothing(cloud: Cloud) -> None:
    """No object, record or message."""
    assert create_plan(cloud, FACTS).status == 200
    assert cloud.keys() == []
    assert cloud.count() == cloud.count_library_entries() == 0
    assert cloud.receive() == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (None, JSON, 422, "INVALID_REQUEST"),
        ("{", JSON, 400, "BAD_JSON"),
        ("{}", {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ('{"head": "' + "A" * 7_000_000 + '"}', JSON, 413, "BODY_TOO_LARGE"),
    ],
)
def test_invalid_bodies_are_refused(
    cloud: Cloud, body: str | None, headers: dict[str, str], status: int, code: str
) -> None:
    """Each has its status and code."""
    answer = cloud.call("POST", "/v1/plan", body, headers=headers)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_plan_estimates_the_bytes_of_each_output(cloud: Cloud) -> None:
    """The estimates of the outputs add up to that of the job. ``max_bytes`` limits the one of its output."""
    outputs = [
        {"name": "large", "format": "webp"},
        {"name": "small", "format": "webp", "operations": [{"op": "resize", "width": 40}]},
        {"name": "capped", "format": "webp", "max_bytes": 500},
    ]
    planned = create_plan(cloud, {**FACTS, "pipeline": {"outputs": outputs}}).json
    large, small, capped = (each["estimated_bytes"] for each in planned["outputs"])
    assert large == pytest.approx(100 * small, rel=0.01)
    assert capped == 500
    assert planned["estimate"]["result_bytes"] == large + small + capped
