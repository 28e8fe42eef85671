"""Assets on moto: stored, replaced, deleted, and used by jobs."""

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

LOGO = sample_images.make_png(40, 20, "RGBA")
OTHER = sample_images.make_jpeg(30, 30)
PNG = {"Content-Type": "image/png"}
STRANGER = {"userArn": "arn:aws:iam::000000000000:user/some/one"}


def put_asset(cloud: Cloud, name: str = "logo", body: bytes | str = LOGO, **more: Any) -> Answer:
    """Store an asset."""
    return cloud.call("PUT", f"/v1/assets/{name}", body, **({"headers": PNG} | more))


def sha256(data: bytes) -> str:
    """Return the SHA-256 of an image in hex."""
    return hashlib.sha256(data).hexdigest()


def test_asset_is_stored_with_its_metadata(cloud: Cloud) -> None:
    """PUT, GET and list return the same metadata; the bucket has the bytes."""
    answer = put_asset(cloud)
    assert answer.status == 201
    assert answer.headers["Location"].endswith("/v1/assets/logo")
    facts = answer.json
    assert (facts["format"], facts["width"], facts["height"], facts["size"]) == ("PNG", 40, 20, len(LOGO))
    assert facts["digest"] == sha256(LOGO)
    assert cloud.call("GET", "/v1/assets/logo").json == facts
    assert cloud.call("GET", "/v1/assets").json == {"assets": [facts], "next_cursor": None}
    (key,) = cloud.keys()
    assert key.startswith("assets/")
    assert key.endswith(f"/logo/{sha256(LOGO)}")


def test_image_of_an_asset_is_linked(cloud: Cloud) -> None:
    """The link is that of the current content. Another caller's asset is not found."""
    put_asset(cloud, body=OTHER)
    put_asset(cloud)
    redirect = cloud.call("GET", "/v1/assets/logo/image")
    assert (redirect.status, redirect.headers["Location"]) == (303, redirect.json["url"])
    answer = cloud.call("GET", "/v1/assets/logo/image", query={"redirect": "false"})
    assert answer.status == 200
    assert {name: answer.json[name] for name in ("media_type", "size", "filename")} == {
        "media_type": "image/png",
        "size": len(LOGO),
        "filename": "logo.png",
    }
    assert f"/logo/{sha256(LOGO)}?" in answer.json["url"]
    assert cloud.call("GET", "/v1/assets/other/image").json["code"] == "ASSET_NOT_FOUND"
    stranger = cloud.call("GET", "/v1/assets/logo/image", identity=STRANGER)
    assert stranger.json["code"] == "ASSET_NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (base64.b64encode(LOGO).decode(), {"Content-Type": "text/plain"}),
        (LOGO, {"Content-Type": "application/octet-stream"}),
        ('{"content": "' + base64.b64encode(LOGO).decode() + '"}', {"Content-Type": "application/json"}),
    ],
)
def test_every_body_type_is_accepted(cloud: Cloud, body: bytes | str, headers: dict[str, str]) -> None:
    """Base64 text and JSON lead to the same bytes as a raw body."""
    assert put_asset(cloud, body=body, headers=headers).json["digest"] == sha256(LOGO)


def test_replaced_asset_keeps_its_old_content(cloud: Cloud) -> None:
    """Jobs that pinned the old content still find it."""
    put_asset(cloud)
    replaced = put_asset(cloud, body=OTHER)
    assert (replaced.status, replaced.json["format"]) == (200, "JPEG")
    store = worker.app.get_consumer().processor.assets
    for data in (LOGO, OTHER):
        assert store.get("anonymous", AssetPin("logo", sha256(data)), max_bytes=10**6) == data


def test_delete_removes_all_contents(cloud: Cloud) -> None:
    """Including old ones; an asset whose name has the same prefix stays."""
    put_asset(cloud)
    put_asset(cloud, body=OTHER)
    put_asset(cloud, "logo2")
    assert cloud.call("DELETE", "/v1/assets/logo").status == 204
    (left,) = cloud.keys()
    assert left.split("/")[2] == "logo2"
    assert cloud.call("GET", "/v1/assets/logo").json["code"] == "ASSET_NOT_FOUND"
    assert cloud.call("DELETE", "/v1/assets/logo").status == 404
    with pytest.raises(WatermarkNotFound):
        worker.app.get_consumer().processor.assets.get("anonymous", AssetPin("logo", sha256(LOGO)), max_bytes=10**6)


def test_assets_belong_to_their_owner(cloud: Cloud) -> None:
    """Other callers cannot see or delete an asset, but can use its name."""
    put_asset(cloud, identity=STRANGER)
    assert cloud.call("GET", "/v1/assets/logo").status == 404
    assert cloud.call("DELETE", "/v1/assets/logo").status == 404
    assert cloud.call("GET", "/v1/assets").json["assets"] == []
    put_asset(cloud, body=OTHER)
    assert cloud.call("DELETE", "/v1/assets/logo").status == 204
    assert cloud.call("GET", "/v1/assets/logo", identity=STRANGER).json["digest"] == sha256(LOGO)
    assert len(cloud.keys()) == 1


def test_list_has_all_entries(cloud: Cloud) -> None:
    """Each exactly once over all pages, by name."""
    for name in ("c", "a", "b"):
        put_asset(cloud, name)
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
    ("logo", sample_images.encode(sample_images.draw_scene(), "GIF"), PNG, 415, "UNSUPPORTED_TYPE"),
    ("logo", LOGO, {"Content-Type": "text/html"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("logo", LOGO[:20], PNG, 422, "NOT_AN_IMAGE"),
    ("logo", LOGO + bytes(2_097_152), PNG, 413, "TOO_MANY_BYTES"),
    ("logo", LOGO[:16] + (20_000).to_bytes(4, "big") + LOGO[20:], PNG, 422, "SIDE_TOO_LONG"),
    ("logo", '{"content": "' + base64.b64encode(LOGO).decode() + '", "width": 3}', {"Content-Type": "application/json"},
     422, "INVALID_REQUEST"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "headers", "status", "code"), REFUSED)
def test_invalid_assets_are_not_stored(  # noqa: PLR0917 - one row of the table above
    cloud: Cloud, name: str, body: bytes | str | None, headers: dict[str, str], status: int, code: str
) -> None:
    """Each refusal has its status and code."""
    answer = cloud.call("PUT", f"/v1/assets/{name}", body, headers=headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.keys() == []
    assert cloud.count_library_entries() == 0


def test_modified_asset_bytes_are_refused(cloud: Cloud) -> None:
    """Bytes that do not match the pinned digest are refused; too large ones are not read."""
    put_asset(cloud)
    (key,) = cloud.keys()
    cloud.clients.s3.put_object(Bucket="images-for-tests", Key=key, Body=OTHER)
    store, pin = worker.app.get_consumer().processor.assets, AssetPin("logo", sha256(LOGO))
    with pytest.raises(WatermarkNotFound):
        store.get("anonymous", pin, max_bytes=10**6)
    with pytest.raises(TooManyBytes):
        store.get("anonymous", pin, max_bytes=10)


WATERMARK = {"operations": [{"op": "watermark", "image": "logo", "opacity": 1, "scale": 1, "margin": 0}]}


def create_watermark_job(cloud: Cloud, **query: str) -> dict[str, Any]:
    """Create a job that draws the logo over an image."""
    return cloud.submit(sample_images.make_jpeg(80, 60), query=query or {"pipeline": json.dumps(WATERMARK)})


def process_job(cloud: Cloud, job: dict[str, Any]) -> dict[str, Any]:
    """Process a job and return it."""
    assert cloud.deliver(cloud.receive()) == []
    done: dict[str, Any] = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    return done


def test_job_draws_its_asset(cloud: Cloud) -> None:
    """The result has the watermark, and the job has the digest of the asset."""
    put_asset(cloud, body=sample_images.encode(Image.new("RGB", (40, 30), "#00ff00"), "PNG"))
    job = create_watermark_job(cloud)
    kept = cloud.call("GET", "/v1/assets/logo").json
    assert job["assets"] == {"logo": kept["digest"]}
    done = process_job(cloud, job)
    assert (done["status"], done["assets"]) == ("COMPLETED", job["assets"])
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    assert sample_images.decode(data).convert("RGB").getpixel((40, 30)) == (0, 255, 0)


def test_job_uses_the_content_that_it_pinned(cloud: Cloud) -> None:
    """Replacing an asset does not change a waiting job."""
    put_asset(cloud, body=sample_images.encode(Image.new("RGB", (40, 30), "#00ff00"), "PNG"))
    job = create_watermark_job(cloud)
    put_asset(cloud, body=sample_images.encode(Image.new("RGB", (40, 30), "#ff0000"), "PNG"))
    done = process_job(cloud, job)
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    assert sample_images.decode(data).convert("RGB").getpixel((40, 30)) == (0, 255, 0)


def test_job_fails_if_its_asset_was_deleted(cloud: Cloud) -> None:
    """In one attempt, with WATERMARK_NOT_FOUND."""
    put_asset(cloud)
    job = create_watermark_job(cloud)
    cloud.call("DELETE", "/v1/assets/logo")
    done = process_job(cloud, job)
    assert (done["status"], done["error"]["code"], done["attempts"]) == ("FAILED", "WATERMARK_NOT_FOUND", 1)


def test_preset_can_use_an_asset(cloud: Cloud) -> None:
    """The asset is looked up and pinned when the job is created."""
    body = json.dumps({"pipeline": WATERMARK})
    cloud.call("PUT", "/v1/presets/marked", body, headers={"Content-Type": "application/json"})
    headers = {"Content-Type": "image/jpeg"}
    refused = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), headers=headers, query={"preset": "marked"})
    assert (refused.status, refused.json["code"]) == (422, "WATERMARK_NOT_FOUND")
    assert [each["pointer"] for each in refused.json["errors"]] == ["/preset"]
    put_asset(cloud)
    assert process_job(cloud, create_watermark_job(cloud, preset="marked"))["status"] == "COMPLETED"


def test_unknown_assets_store_nothing(cloud: Cloud) -> None:
    """For jobs and plans, an unknown asset and one of another caller are refused."""
    put_asset(cloud, identity=STRANGER)
    before = cloud.keys()
    headers = {"Content-Type": "image/jpeg"}
    job = cloud.call(
        "POST", "/v1/jobs", sample_images.make_jpeg(), headers=headers, query={"pipeline": json.dumps(WATERMARK)}
    )
    facts = {"width": 80, "height": 60, "format": "JPEG", "pipeline": WATERMARK}
    planned = cloud.call("POST", "/v1/plan", json.dumps(facts), headers={"Content-Type": "application/json"})
    for answer in (job, planned):
        assert (answer.status, answer.json["code"]) == (422, "WATERMARK_NOT_FOUND")
        assert [each["pointer"] for each in answer.json["errors"]] == ["/pipeline/operations/0/image"]
    assert cloud.keys() == before
    assert cloud.count() == 0
    assert cloud.receive() == []
