"""Conditional requests: every resource that sends an ETag honors If-None-Match."""

from collections.abc import Callable
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Cloud

import api.app
from api.openapi.document import document

IMAGE = sample_images.make_jpeg()


def create_job(cloud: Cloud) -> str:
    """Return the path of an open job."""
    return f"/v1/jobs/{cloud.submit(IMAGE)['id']}"


def create_receipt(cloud: Cloud) -> str:
    """Return the path of the receipt of a completed job."""
    job = create_job(cloud)
    cloud.deliver(cloud.receive())
    return f"{job}/receipt"


def create_batch(cloud: Cloud) -> str:
    """Return the path of a batch."""
    return f"/v1/batches/{cloud.post('/v1/batches', {}).json['batch']['id']}"


def create_preset(cloud: Cloud) -> str:
    """Return the path of a preset."""
    preset = b'{"pipeline": {"operations": [{"op": "grayscale"}]}}'
    assert cloud.call("PUT", "/v1/presets/mine", preset, headers={"Content-Type": "application/json"}).status == 201
    return "/v1/presets/mine"


def create_asset(cloud: Cloud) -> str:
    """Return the path of an asset."""
    assert cloud.call("PUT", "/v1/assets/logo", IMAGE, headers={"Content-Type": "image/jpeg"}).status == 201
    return "/v1/assets/logo"


RESOURCES: dict[str, Callable[[Cloud], str]] = {
    "/v1/jobs/{job_id}": create_job,
    "/v1/jobs/{job_id}/receipt": create_receipt,
    "/v1/batches/{batch_id}": create_batch,
    "/v1/presets/{name}": create_preset,
    "/v1/assets/{name}": create_asset,
}


@pytest.mark.parametrize("route", RESOURCES)
def test_known_etag_gets_304(cloud: Cloud, route: str) -> None:
    """Tags are compared weakly; a list and ``*`` count too. Other tags get the resource."""
    path = RESOURCES[route](cloud)
    first = cloud.call("GET", path)
    tag = first.headers["ETag"]
    opaque = tag.removeprefix("W/")
    for header in (tag, opaque, f"W/{opaque}", f'"other", {tag}', f'W/"a,b",{opaque}', "*"):
        response = cloud.call("GET", path, headers={"If-None-Match": header})
        assert (response.status, response.text, response.headers["ETag"]) == (304, "", tag), header
    for header in ('"other"', opaque.strip('"'), f'"a,{opaque[1:]}', ""):
        response = cloud.call("GET", path, headers={"If-None-Match": header})
        assert (response.status, response.text) == (200, first.text), header


def test_every_route_with_304_is_tested() -> None:
    """The OpenAPI document lists 304 for exactly the resources above."""
    paths: dict[str, Any] = document(api.app.app, "")["paths"]
    assert {
        path for path, operations in paths.items() if "304" in operations.get("get", {}).get("responses", {})
    } == set(RESOURCES)


def test_all_header_fields_with_one_name_count(cloud: Cloud) -> None:
    """The ETag is in the first of two fields, which API Gateway passes only as one of several values."""
    job = cloud.submit(sample_images.make_jpeg())
    etag = cloud.call("GET", f"/v1/jobs/{job['id']}").headers["ETag"]
    again = cloud.call("GET", f"/v1/jobs/{job['id']}", headers={"If-None-Match": [etag, '"other"']})
    assert again.status == 304
