"""Presets, plans, capabilities and assets on the engine, over real HTTP."""

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

PHOTO = sample_images.jpeg(640, 480)
LOGO = sample_images.png(40, 20, "RGBA")
SMALL = {"operations": [{"op": "resize", "width": 32}], "output": {"format": "webp"}}


@pytest.fixture
def client(site: Site) -> Iterator[Safelight]:
    """A client of the stack."""
    with Safelight(site.stack.api_url) as safelight:
        yield safelight


def put(site: Site, name: str, pipeline: Any = SMALL, **headers: str) -> httpx.Response:
    """Write a preset."""
    return site.http.put(f"presets/{name}", json={"pipeline": pipeline}, headers=headers)


def entries(site: Site) -> int:
    """Count what is in the library."""
    table = site.stack.table.removesuffix("Images") + "Library"
    return site.dynamodb.scan(TableName=table, Select="COUNT")["Count"]


def test_a_preset_from_first_version_to_deletion(site: Site) -> None:
    """Create, change, refuse, use, read an old version, delete: each with its status and its ETag."""
    made = put(site, "e2e", **{"If-None-Match": "*"})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert httpx.URL(made.headers["Location"]).path.endswith("/v1/presets/e2e")
    assert put(site, "e2e", **{"If-None-Match": "*"}).json()["code"] == "PRESET_CHANGED"
    done = site.finished(site.submit(PHOTO, preset="e2e")["id"])
    assert (done["status"], done["preset"]) == ("COMPLETED", {"name": "e2e", "version": 1})
    assert (done["result"]["width"], done["format"]) == (32, "WEBP")
    changed = put(site, "e2e", {"operations": []}, **{"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    old = site.http.get("presets/e2e", params={"version": "1"}).json()
    assert old["pipeline"]["operations"][0]["width"] == 32
    assert site.http.get("presets/e2e", headers={"If-None-Match": '"2"'}).status_code == 304
    assert "e2e" in [each["name"] for each in site.http.get("presets").json()["presets"]]
    assert site.http.delete("presets/e2e", headers={"If-Match": '"1"'}).status_code == 412
    assert site.http.delete("presets/e2e").status_code == 204
    assert site.http.get("presets/e2e").status_code == 404
    assert put(site, "e2e").json()["version"] > 2
    site.http.delete("presets/e2e")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_job_is_what_its_plan_says(site: Site, client: Safelight, name: str) -> None:
    """By each built-in preset, from the head of a file: the same outputs, planned and made."""
    planned = client.plan(PHOTO, preset=name)
    done = site.finished(site.submit(PHOTO, preset=name)["id"])
    assert done["status"] == "COMPLETED", done["error"]
    made = [(each["name"], each["format"], each["width"], each["height"]) for each in done["result"]["outputs"]]
    assert [(each.name, each.format, each.width, each.height) for each in planned.outputs] == made


def test_capabilities_are_served(site: Site) -> None:
    """Operations, formats, limits and presets are there, and HEIC is reported as missing."""
    told = site.http.get("capabilities").json()
    assert {"resize", "grayscale"} <= {each["op"] for each in told["operations"]}
    assert "HEIC" in {each["format"] for each in told["not_available"]}
    assert told["limits"]["max_pixels"] == 50_000_000


def test_an_asset_is_kept_and_deleted(site: Site, client: Safelight, tmp_path: Path) -> None:
    """Raw bytes and base64 text arrive whole; deletion leaves nothing in the bucket."""
    file = tmp_path / "logo.png"
    file.write_bytes(LOGO)
    kept = client.assets.put("e2e-logo", file)
    assert (kept.width, kept.height, kept.digest) == (40, 20, hashlib.sha256(LOGO).hexdigest())
    text = site.http.put("assets/e2e-logo", content=base64.b64encode(PHOTO), headers={"Content-Type": "text/plain"})
    assert (text.status_code, text.json()["digest"]) == (200, hashlib.sha256(PHOTO).hexdigest())
    assert "e2e-logo" in [each.name for each in client.assets.list()]
    assert len([key for key in site.keys("assets/") if "/e2e-logo/" in key]) == 2
    client.assets.delete("e2e-logo")
    assert not [key for key in site.keys("assets/") if "/e2e-logo/" in key]
    assert site.http.get("assets/e2e-logo").status_code == 404


def test_a_watermark_by_name(site: Site, client: Safelight) -> None:
    """A job lays a stored image over its own, pins its content, and is refused once the asset is gone."""
    kept = client.assets.put("e2e-mark", LOGO)
    asked = json.dumps({"operations": [{"op": "watermark", "image": "e2e-mark"}]})
    done = site.finished(site.submit(PHOTO, pipeline=asked)["id"])
    assert (done["status"], done["assets"]) == ("COMPLETED", {"e2e-mark": kept.digest}), done["error"]
    client.assets.delete("e2e-mark")
    headers = {"Content-Type": "image/jpeg"}
    refused = site.http.post("jobs", content=PHOTO, headers=headers, params={"pipeline": asked})
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
def test_bad_input_leaves_no_trace(  # noqa: PLR0917 - one row of the table above
    site: Site, method: str, path: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Each refusal is a problem document with its code; neither an entry nor an object nor a job is there after it."""
    raw, assets, before = site.keys("raw/"), site.keys("assets/"), entries(site)
    answer = site.http.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (site.keys("raw/"), site.keys("assets/"), entries(site)) == (raw, assets, before)
