"""Assets on moto: kept, replaced, deleted, each its owner's."""

import base64
import hashlib
import json
from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.moto_cloud import Answer, Cloud

import worker.app
from shared.errors import TooManyBytes, WatermarkNotFound
from shared.pipeline.asset import AssetPin

LOGO = sample_images.png(40, 20, "RGBA")
OTHER = sample_images.jpeg(30, 30)
PNG = {"Content-Type": "image/png"}
SOMEONE = {"userArn": "arn:aws:iam::000000000000:user/some/one"}


def put(cloud: Cloud, name: str = "logo", body: bytes | str = LOGO, **more: Any) -> Answer:
    """Keep an image."""
    return cloud.call("PUT", f"/v1/assets/{name}", body, **({"headers": PNG} | more))


def digest(data: bytes) -> str:
    """Return the SHA-256 of an image."""
    return hashlib.sha256(data).hexdigest()


def test_a_picture_is_kept_with_its_facts(cloud: Cloud) -> None:
    """The answer, a later GET and the list have the same facts; the bytes are in the bucket as they came."""
    answer = put(cloud)
    assert answer.status == 201
    assert answer.headers["Location"].endswith("/v1/assets/logo")
    facts = answer.json
    assert (facts["format"], facts["width"], facts["height"], facts["size"]) == ("PNG", 40, 20, len(LOGO))
    assert facts["digest"] == digest(LOGO)
    assert cloud.call("GET", "/v1/assets/logo").json == facts
    assert cloud.call("GET", "/v1/assets").json == {"assets": [facts], "next_cursor": None}
    (key,) = cloud.keys()
    assert key.startswith("assets/")
    assert key.endswith(f"/logo/{digest(LOGO)}")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (base64.b64encode(LOGO).decode(), {"Content-Type": "text/plain"}),
        (LOGO, {"Content-Type": "application/octet-stream"}),
        ('{"content": "' + base64.b64encode(LOGO).decode() + '"}', {"Content-Type": "application/json"}),
    ],
)
def test_every_shape_of_body_is_taken(cloud: Cloud, body: bytes | str, headers: dict[str, str]) -> None:
    """Base64 text and JSON mean the same image as raw bytes."""
    assert put(cloud, body=body, headers=headers).json["digest"] == digest(LOGO)


def test_another_content_does_not_touch_the_first(cloud: Cloud) -> None:
    """A job that has pinned the old content still finds it."""
    put(cloud)
    replaced = put(cloud, body=OTHER)
    assert (replaced.status, replaced.json["format"]) == (200, "JPEG")
    store = worker.app.get_consumer().processor.assets
    for data in (LOGO, OTHER):
        assert store.get("anonymous", AssetPin("logo", digest(data)), max_bytes=10**6) == data


def test_deletion_takes_every_content(cloud: Cloud) -> None:
    """Facts and bytes are gone, and so is what a job might have pinned; a neighbour with a longer name stays."""
    put(cloud)
    put(cloud, body=OTHER)
    put(cloud, "logo2")
    assert cloud.call("DELETE", "/v1/assets/logo").status == 204
    (left,) = cloud.keys()
    assert left.split("/")[2] == "logo2"
    assert cloud.call("GET", "/v1/assets/logo").json["code"] == "ASSET_NOT_FOUND"
    assert cloud.call("DELETE", "/v1/assets/logo").status == 404
    with pytest.raises(WatermarkNotFound):
        worker.app.get_consumer().processor.assets.get("anonymous", AssetPin("logo", digest(LOGO)), max_bytes=10**6)


def test_an_asset_is_its_owners(cloud: Cloud) -> None:
    """Another caller neither sees nor deletes it, and may take the same name."""
    put(cloud, identity=SOMEONE)
    assert cloud.call("GET", "/v1/assets/logo").status == 404
    assert cloud.call("DELETE", "/v1/assets/logo").status == 404
    assert cloud.call("GET", "/v1/assets").json["assets"] == []
    put(cloud, body=OTHER)
    assert cloud.call("DELETE", "/v1/assets/logo").status == 204
    assert cloud.call("GET", "/v1/assets/logo", identity=SOMEONE).json["digest"] == digest(LOGO)
    assert len(cloud.keys()) == 1


def test_the_list_has_all_pages(cloud: Cloud) -> None:
    """Every asset once, by name."""
    for name in ("c", "a", "b"):
        put(cloud, name)
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = cloud.call("GET", "/v1/assets", query={"limit": "2", **cursor}).json
        names += [each["name"] for each in page["assets"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["a", "b", "c"]


REFUSED: list[tuple[str, bytes | str | None, dict[str, str], int, str]] = [
    ("Logo", LOGO, PNG, 422, "INVALID_REQUEST"),
    ("..%2Fraw", LOGO, PNG, 422, "INVALID_REQUEST"),
    ("logo", None, PNG, 400, "BODY_EMPTY"),
    ("logo", "no base64!", {"Content-Type": "text/plain"}, 400, "BAD_BASE64"),
    ("logo", b"just words", PNG, 415, "UNSUPPORTED_TYPE"),
    ("logo", sample_images.encoded(sample_images.scene(), "GIF"), PNG, 415, "UNSUPPORTED_TYPE"),
    ("logo", LOGO, {"Content-Type": "text/html"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("logo", LOGO[:20], PNG, 422, "NOT_AN_IMAGE"),
    ("logo", LOGO + bytes(2_097_152), PNG, 413, "TOO_MANY_BYTES"),
    ("logo", LOGO[:16] + (20_000).to_bytes(4, "big") + LOGO[20:], PNG, 422, "SIDE_TOO_LONG"),
    ("logo", '{"content": "' + base64.b64encode(LOGO).decode() + '", "width": 3}', {"Content-Type": "application/json"},
     422, "INVALID_REQUEST"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "headers", "status", "code"), REFUSED)
def test_a_bad_asset_is_refused_without_a_trace(  # noqa: PLR0917 - one row of the table above
    cloud: Cloud, name: str, body: bytes | str | None, headers: dict[str, str], status: int, code: str
) -> None:
    """Each refusal has its status and code, and leaves neither bytes nor facts."""
    answer = cloud.call("PUT", f"/v1/assets/{name}", body, headers=headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.keys() == []
    assert cloud.entries() == 0


def test_what_was_exchanged_in_the_bucket_is_not_used(cloud: Cloud) -> None:
    """Bytes that are not those that a job has pinned are refused, and too many are not read."""
    put(cloud)
    (key,) = cloud.keys()
    cloud.clients.s3.put_object(Bucket="images-for-tests", Key=key, Body=OTHER)
    store, pin = worker.app.get_consumer().processor.assets, AssetPin("logo", digest(LOGO))
    with pytest.raises(WatermarkNotFound):
        store.get("anonymous", pin, max_bytes=10**6)
    with pytest.raises(TooManyBytes):
        store.get("anonymous", pin, max_bytes=10)


MARKED = {"operations": [{"op": "watermark", "image": "logo", "opacity": 1, "scale": 1, "margin": 0}]}


def marked(cloud: Cloud, **query: str) -> dict[str, Any]:
    """Create a job that lays the logo over an image."""
    return cloud.submit(sample_images.jpeg(80, 60), query=query or {"pipeline": json.dumps(MARKED)})


def finish(cloud: Cloud, job: dict[str, Any]) -> dict[str, Any]:
    """Let the worker do a job, and read it."""
    assert cloud.deliver(cloud.receive()) == []
    done: dict[str, Any] = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    return done


def test_a_job_lays_the_asset_over_the_picture(cloud: Cloud) -> None:
    """The mark is in the result, and the job says which content of the asset it was."""
    put(cloud, body=sample_images.encoded(Image.new("RGB", (40, 30), "#00ff00"), "PNG"))
    job = marked(cloud)
    kept = cloud.call("GET", "/v1/assets/logo").json
    assert job["assets"] == {"logo": kept["digest"]}
    done = finish(cloud, job)
    assert (done["status"], done["assets"]) == ("COMPLETED", job["assets"])
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    assert sample_images.opened(data).convert("RGB").getpixel((40, 30)) == (0, 255, 0)


def test_a_job_keeps_the_content_that_it_was_made_with(cloud: Cloud) -> None:
    """An asset that is replaced while the job waits changes nothing in its result."""
    put(cloud, body=sample_images.encoded(Image.new("RGB", (40, 30), "#00ff00"), "PNG"))
    job = marked(cloud)
    put(cloud, body=sample_images.encoded(Image.new("RGB", (40, 30), "#ff0000"), "PNG"))
    done = finish(cloud, job)
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    assert sample_images.opened(data).convert("RGB").getpixel((40, 30)) == (0, 255, 0)


def test_a_job_whose_asset_was_deleted_fails_by_name(cloud: Cloud) -> None:
    """It ends at once, with a code that says what is missing."""
    put(cloud)
    job = marked(cloud)
    cloud.call("DELETE", "/v1/assets/logo")
    done = finish(cloud, job)
    assert (done["status"], done["error"]["code"], done["attempts"]) == ("FAILED", "WATERMARK_NOT_FOUND", 1)


def test_a_preset_may_name_an_asset(cloud: Cloud) -> None:
    """What the preset refers to is looked up and pinned when the job is made, and pointed at when it is not there."""
    body = json.dumps({"pipeline": MARKED})
    cloud.call("PUT", "/v1/presets/marked", body, headers={"Content-Type": "application/json"})
    headers = {"Content-Type": "image/jpeg"}
    refused = cloud.call("POST", "/v1/jobs", sample_images.jpeg(), headers=headers, query={"preset": "marked"})
    assert (refused.status, refused.json["code"]) == (422, "WATERMARK_NOT_FOUND")
    assert [each["pointer"] for each in refused.json["errors"]] == ["/preset"]
    put(cloud)
    assert finish(cloud, marked(cloud, preset="marked"))["status"] == "COMPLETED"


def test_an_unknown_asset_leaves_no_trace(cloud: Cloud) -> None:
    """Neither another caller's asset nor none at all makes a job; a plan says the same."""
    put(cloud, identity=SOMEONE)
    before = cloud.keys()
    headers = {"Content-Type": "image/jpeg"}
    job = cloud.call("POST", "/v1/jobs", sample_images.jpeg(), headers=headers, query={"pipeline": json.dumps(MARKED)})
    facts = {"width": 80, "height": 60, "format": "JPEG", "pipeline": MARKED}
    planned = cloud.call("POST", "/v1/plan", json.dumps(facts), headers={"Content-Type": "application/json"})
    for answer in (job, planned):
        assert (answer.status, answer.json["code"]) == (422, "WATERMARK_NOT_FOUND")
        assert [each["pointer"] for each in answer.json["errors"]] == ["/pipeline/operations/0/image"]
    assert cloud.keys() == before
    assert cloud.count() == 0
    assert cloud.receive() == []
