"""Presets, plans, capabilities and assets on an engine."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import Site

from safelight.client import Safelight
from shared.pipeline.preset import BUILT_IN

PHOTO = sample_images.make_jpeg(640, 480)
LOGO = sample_images.make_png(40, 20, "RGBA")
SMALL = {"operations": [{"op": "resize", "width": 32}], "output": {"format": "webp"}}


@pytest.fixture
def client(site: Site) -> Iterator[Safelight]:
    """Yield a client of the stack."""
    with Safelight(site.stack.api_url) as safelight:
        yield safelight


def put_preset(site: Site, name: str, pipeline: Any = SMALL, **headers: str) -> httpx.Response:
    """Write a preset."""
    return site.http.put(f"presets/{name}", json={"pipeline": pipeline}, headers=headers)


def count_entries(site: Site) -> int:
    """Return the number of items in the library table."""
    table = site.stack.table.removesuffix("Images") + "Library"
    return site.dynamodb.scan(TableName=table, Select="COUNT")["Count"]


def test_preset_lifecycle(site: Site, client: Safelight) -> None:
    """Create, change, refuse, use, read an old version and delete, each with status and ETag."""
    created = put_preset(site, "e2e", **{"If-None-Match": "*"})
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert httpx.URL(created.headers["Location"]).path.endswith("/v1/presets/e2e")
    assert put_preset(site, "e2e", **{"If-None-Match": "*"}).json()["code"] == "PRESET_CHANGED"
    done = site.wait_until_done(site.submit(PHOTO, preset="e2e")["id"])
    assert (done["status"], done["preset"]) == ("COMPLETED", {"name": "e2e", "version": 1})
    assert (done["result"]["width"], done["format"]) == (32, "WEBP")
    changed = put_preset(site, "e2e", {"operations": []}, **{"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    old = site.http.get("presets/e2e", params={"version": "1"}).json()
    assert old["pipeline"]["operations"][0]["width"] == 32
    assert site.http.get("presets/e2e", headers={"If-None-Match": '"2"'}).status_code == 304
    assert "e2e" in [each.name for each in client.presets.list()]
    assert site.http.delete("presets/e2e", headers={"If-Match": '"1"'}).status_code == 412
    assert site.http.delete("presets/e2e").status_code == 204
    assert site.http.get("presets/e2e").status_code == 404
    assert put_preset(site, "e2e").json()["version"] > 2
    site.http.delete("presets/e2e")


@pytest.mark.parametrize("name", BUILT_IN)
def test_job_matches_its_plan_for_every_preset(site: Site, client: Safelight, name: str) -> None:
    """The plan from the head of the file has the same outputs."""
    planned = client.plan(PHOTO, preset=name)
    done = site.wait_until_done(site.submit(PHOTO, preset=name)["id"])
    assert done["status"] == "COMPLETED", done["error"]
    created = [(each["name"], each["format"], each["width"], each["height"]) for each in done["result"]["outputs"]]
    assert [(each.name, each.format, each.width, each.height) for each in planned.outputs] == created


def test_capabilities_are_served(site: Site) -> None:
    """With operations, limits and unavailable formats."""
    capabilities = site.http.get("capabilities").json()
    assert {"resize", "grayscale"} <= {each["op"] for each in capabilities["operations"]}
    assert "JPEG XL" in {each["format"] for each in capabilities["not_available"]}
    assert capabilities["limits"]["max_pixels"] == 50_000_000


def test_asset_is_stored_and_deleted(site: Site, client: Safelight, tmp_path: Path) -> None:
    """Raw bytes and base64 text arrive unchanged; deletion leaves no object."""
    file = tmp_path / "logo.png"
    file.write_bytes(LOGO)
    kept = client.assets.put("e2e-logo", file)
    assert (kept.width, kept.height, kept.digest) == (40, 20, hashlib.sha256(LOGO).hexdigest())
    text = site.http.put("assets/e2e-logo", content=base64.b64encode(PHOTO), headers={"Content-Type": "text/plain"})
    assert (text.status_code, text.json()["digest"]) == (200, hashlib.sha256(PHOTO).hexdigest())
    assert site.http.get("assets/e2e-logo/image", follow_redirects=True).content == PHOTO
    assert "e2e-logo" in [each.name for each in client.assets.list()]
    assert len([key for key in site.keys("assets/") if "/e2e-logo/" in key]) == 2
    client.assets.delete("e2e-logo")
    assert not [key for key in site.keys("assets/") if "/e2e-logo/" in key]
    assert site.http.get("assets/e2e-logo").status_code == 404


def test_job_uses_an_asset_as_watermark(site: Site, client: Safelight) -> None:
    """It pins the content, and a job is refused after the asset is deleted."""
    kept = client.assets.put("e2e-mark", LOGO)
    pipeline = json.dumps({"operations": [{"op": "watermark", "image": "e2e-mark"}]})
    done = site.wait_until_done(site.submit(PHOTO, pipeline=pipeline)["id"])
    assert (done["status"], done["assets"]) == ("COMPLETED", {"e2e-mark": kept.digest}), done["error"]
    client.assets.delete("e2e-mark")
    headers = {"Content-Type": "image/jpeg"}
    refused = site.http.post("jobs", content=PHOTO, headers=headers, params={"pipeline": pipeline})
    assert (refused.status_code, refused.json()["code"]) == (422, "WATERMARK_NOT_FOUND")


JSON = {"Content-Type": "application/json"}
REFUSED: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("PUT", "presets/Nope", json.dumps({"pipeline": SMALL}).encode(), JSON, 422, "INVALID_REQUEST"),
    ("PUT", "presets/web", json.dumps({"pipeline": SMALL}).encode(), JSON, 409, "PRESET_BUILT_IN"),
    ("PUT", "presets/nope", b"{", JSON, 400, "BAD_JSON"),
    ("PUT", "presets/nope", b'{"pipeline": {"operations": [{"op": "swirl"}]}}', JSON, 422, "INVALID_PIPELINE"),
    ("PUT", "presets/nope", b"", JSON, 422, "INVALID_REQUEST"),
    ("DELETE", "presets/nope", b"", {}, 404, "PRESET_NOT_FOUND"),
    ("POST", "plan", b'{"width": 1}', JSON, 422, "INVALID_REQUEST"),
    ("POST", "plan", b'{"width": 1, "height": 1, "format": "png", "preset": "nope"}', JSON, 422, "PRESET_NOT_FOUND"),
    ("POST", "jobs?preset=nope", PHOTO, {"Content-Type": "image/jpeg"}, 422, "PRESET_NOT_FOUND"),
    ("POST", "jobs?preset=web&width=3", PHOTO, {"Content-Type": "image/jpeg"}, 422, "INVALID_PIPELINE"),
    ("PUT", "assets/Nope", LOGO, {"Content-Type": "image/png"}, 422, "INVALID_REQUEST"),
    ("PUT", "assets/nope", b"just words", {"Content-Type": "image/png"}, 415, "UNSUPPORTED_TYPE"),
    ("PUT", "assets/nope", LOGO + bytes(2_200_000), {"Content-Type": "image/png"}, 413, "TOO_MANY_BYTES"),
    ("DELETE", "assets/nope", b"", {}, 404, "ASSET_NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "content", "headers", "status", "code"), REFUSED)
def test_invalid_requests_store_nothing(  # noqa: PLR0917 - one row of the table above
    site: Site, method: str, path: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Each refusal is a problem document with its code."""
    jobs, assets, before = site.list_single_jobs(), site.keys("assets/"), count_entries(site)
    answer = site.http.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    # Jobs of earlier tests may still be copied, deleted or expired meanwhile.
    assert site.list_single_jobs() <= jobs
    assert (site.keys("assets/"), count_entries(site)) == (assets, before)
