"""Uploads in parts on an engine: S3 checks the signatures, an interrupted upload continues, and its job runs once."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, count_attempts

from shared.jobs.part_plan import MIN_PART_BYTES as PART

JPEG = sample_images.make_jpeg()
#: A file of two parts.
FILE = JPEG + bytes(PART + 1000 - len(JPEG))


def announce(site: Site, data: bytes = FILE, **fields: Any) -> dict[str, Any]:
    """Create a multipart upload."""
    return site.create_upload(method="multipart", content_type="image/jpeg", size=len(data), **fields)


def sign(site: Site, job_id: str, upload_id: str, *numbers: int) -> list[dict[str, Any]]:
    """Sign parts."""
    answer = site.http.post(f"uploads/{job_id}/parts", json={"upload_id": upload_id, "part_numbers": numbers})
    assert answer.status_code == 200, answer.text
    parts: list[dict[str, Any]] = answer.json()["parts"]
    return parts


def put(signed: dict[str, Any], data: bytes) -> httpx.Response:
    """Send a body with a signed request."""
    return httpx.put(signed["url"], content=data, headers=signed["headers"], timeout=HTTP_SECONDS, trust_env=False)


@pytest.fixture(params=["direct", "bulk"])
def upload(request: pytest.FixtureRequest, site: Site) -> Iterator[dict[str, Any]]:
    """Return the job and the multipart upload of a file, alone and as the member of a batch."""
    if request.param == "direct":
        job = announce(site, digest=hashlib.sha256(FILE).hexdigest())
        yield {"id": job["id"], **job["multipart"]}
        return
    item = {"content_type": "image/jpeg", "method": "multipart", "size": len(FILE)}
    member = site.http.post("batches", json={"items": [item]}).json()["items"][0]["job"]["id"]
    yield {"id": member, **site.http.post(f"uploads/{member}/form").json()["multipart"]}


def test_upload_continues_and_runs_once(site: Site, upload: dict[str, Any]) -> None:
    """S3 refuses a part of another size, and the missing parts are enough to continue."""
    job_id, upload_id = upload["id"], upload["upload_id"]
    first, second = sign(site, job_id, upload_id, 1, 2)
    assert put(first, FILE[:PART]).status_code == 200
    if site.stack.engine == "embedded":
        assert put(second, FILE[PART:] + b"more").status_code == 403
    early = site.http.post(f"uploads/{job_id}/complete", json={"upload_id": upload_id})
    assert (early.status_code, early.json()["code"]) == (409, "PARTS_MISSING")
    listed = site.http.get(f"uploads/{job_id}/parts", params={"upload_id": upload_id}).json()
    assert [(each["PartNumber"], each["Size"]) for each in listed["parts"]] == [(1, PART)]
    assert put(second, FILE[PART:]).status_code == 200
    ends = [site.http.post(f"uploads/{job_id}/complete", json={"upload_id": upload_id}) for _ in range(2)]
    assert [each.status_code for each in ends] == [202, 202], [each.text for each in ends]
    done = site.wait_until_done(job_id)
    assert (done["status"], done["error"], count_attempts(done)) == ("COMPLETED", None, 1)
    assert done["raw"]["digest"] == hashlib.sha256(FILE).hexdigest()


def test_aborted_upload_leaves_no_parts(site: Site, upload: dict[str, Any]) -> None:
    """Its job is cancelled, and late requests have a code."""
    job_id, upload_id = upload["id"], upload["upload_id"]
    (first,) = sign(site, job_id, upload_id, 1)
    assert put(first, FILE[:PART]).status_code == 200
    assert site.http.post(f"uploads/{job_id}/abort").json()["status"] == "CANCELLED"
    assert put(first, FILE[:PART]).status_code == 404
    late = site.http.post(f"uploads/{job_id}/complete", json={"upload_id": upload_id})
    assert (late.status_code, late.json()["code"]) == (409, "NOT_AWAITING_UPLOAD")
    found = site.s3.list_multipart_uploads(Bucket=site.stack.bucket, Prefix=f"raw/direct/{job_id}")
    assert not found.get("Uploads")


def test_upload_id_of_another_job_is_not_found(site: Site) -> None:
    """An upload ID is valid only together with the key of its job."""
    job, other = announce(site), announce(site)
    query = {"upload_id": other["multipart"]["upload_id"]}
    listed = site.http.get(f"uploads/{job['id']}/parts", params=query)
    completed = site.http.post(f"uploads/{job['id']}/complete", json=query)
    for answer in (listed, completed):
        assert (answer.status_code, answer.json()["code"]) == (404, "MULTIPART_NOT_FOUND")


def test_signed_put_stores_one_file(site: Site) -> None:
    """S3 refuses another type, size or digest, and a second file."""
    digest = hashlib.sha256(JPEG).hexdigest()
    job = site.create_upload(method="put", content_type="image/jpeg", size=len(JPEG), digest=digest)
    signed = job["put"]
    if site.stack.engine == "embedded":
        wrong = {**signed, "headers": signed["headers"] | {"Content-Type": "image/png"}}
        assert put(wrong, JPEG).status_code == 403
        assert put(signed, JPEG + b"more").status_code in {400, 403}
    assert put(signed, JPEG[:-1] + b"x").status_code in {400, 403}
    assert put(signed, JPEG).status_code == 200
    assert site.http.post(f"uploads/{job['id']}/confirm").status_code == 202
    assert site.wait_until_done(job["id"])["status"] == "COMPLETED"
    # A cancelled job keeps its file for a retry, so no worker deletes it in between.
    other = site.create_upload(method="put", content_type="image/jpeg", size=len(JPEG))
    assert site.http.post(f"jobs/{other['id']}/cancel").status_code == 200
    assert [put(other["put"], JPEG).status_code for _ in range(2)] == [200, 412]
