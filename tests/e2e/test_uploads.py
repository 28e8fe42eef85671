"""Presigned uploads on an engine: forms store the bytes, and the S3 event starts the job."""

import hashlib
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from PIL import Image
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, count_attempts, post_form, wait_until
from support.thorough import every

from shared.clock import to_iso

JPEG = sample_images.make_jpeg()
MAX_BYTES = 104_857_600


def make_large_tiff() -> bytes:
    """Return a TIFF file of 60 MB."""
    side = 4472
    return sample_images.encode(Image.frombytes("RGB", (side, side), Random(1).randbytes(side * side * 3)), "TIFF")


def make_large_jpeg() -> bytes:
    """Return a JPEG file of 30 megapixels."""
    bands = [Image.effect_noise((6000, 5000), sigma) for sigma in (20, 40, 60)]
    return sample_images.encode(Image.merge("RGB", bands), "JPEG", quality=90)


def is_refused(answer: httpx.Response, *codes: str) -> bool:
    """Return True if S3 has refused a form with one of these codes."""
    return answer.status_code in {400, 403} and any(code in answer.text for code in codes)


@pytest.mark.parametrize(
    ("make", "media_type", "size"),
    every(2, [(make_large_tiff, "image/tiff", (4472, 4472)), (make_large_jpeg, "image/jpeg", (6000, 5000))]),
)
def test_large_images_are_uploaded_with_a_form(site: Site, make: Any, media_type: str, size: tuple[int, int]) -> None:
    """A TIFF of 60 MB and a JPEG of 30 megapixels are completed in one attempt."""
    data = make()
    digest = hashlib.sha256(data).hexdigest()
    job = site.create_upload(filename="large", content_type=media_type, size=len(data), digest=digest)
    assert post_form(job["upload"], data).status_code in {201, 204}
    done = site.wait_until_done(job["id"])
    assert (done["status"], done["error"]) == ("COMPLETED", None)
    assert (done["raw"]["width"], done["raw"]["height"]) == size
    assert (done["raw"]["size"], done["raw"]["digest"]) == (len(data), digest)
    assert max(done["result"]["width"], done["result"]["height"]) == 1024
    assert count_attempts(done) == 1


def test_body_over_the_api_limit_can_be_uploaded(site: Site) -> None:
    """The 413 of the API names POST /v1/uploads, which accepts the file."""
    image = JPEG + bytes(4_620_289 - len(JPEG))
    refusal = site.http.post("jobs", content=image, headers={"Content-Type": "image/jpeg"})
    assert (refusal.status_code, refusal.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert "POST /v1/uploads" in refusal.json()["detail"]
    job = site.create_upload(content_type="image/jpeg")
    assert post_form(job["upload"], image).status_code in {201, 204}
    assert site.wait_until_done(job["id"])["status"] == "COMPLETED"


@pytest.mark.parametrize("size", [None, 10])
def test_file_over_the_limit_is_refused_by_s3(site: Site, size: int | None) -> None:
    """It is not stored, and the job keeps waiting."""
    job = site.create_upload(content_type="image/jpeg", **({"size": size} if size else {}))
    answer = post_form(job["upload"], bytes((size or MAX_BYTES) + 1))
    assert is_refused(answer, "EntityTooLarge")
    assert site.keys(f"raw/direct/{job['id']}") == []
    assert site.job(job["id"])["status"] == "AWAITING_UPLOAD"


@pytest.mark.parametrize(("field", "value"), [("key", "raw/direct/elsewhere"), ("Content-Type", "text/html")])
def test_changed_form_is_refused_by_s3(site: Site, field: str, value: str) -> None:
    """With another key or type, nothing is stored."""
    job = site.create_upload(content_type="image/jpeg")
    form = job["upload"] | {"fields": job["upload"]["fields"] | {field: value}}
    assert is_refused(post_form(form, JPEG), "AccessDenied", "Policy")
    assert site.keys("raw/direct/elsewhere") == []
    assert site.keys(f"raw/direct/{job['id']}") == []


def test_content_of_another_type_fails_the_job(site: Site) -> None:
    """A JPEG that was declared as PNG fails with TYPE_MISMATCH."""
    job = site.create_upload(content_type="image/png")
    assert post_form(job["upload"], JPEG).status_code in {201, 204}
    failed = site.wait_until_done(job["id"])
    assert (failed["status"], failed["error"]["code"], count_attempts(failed)) == ("FAILED", "TYPE_MISMATCH", 1)
    assert site.keys(f"processed/{job['id']}/") == []
    assert site.http.get(f"jobs/{job['id']}/raw", follow_redirects=True).content == JPEG
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    assert site.keys(f"raw/direct/{job['id']}") == []
    assert site.keys(f"raw/pinned/{job['id']}/") == []


def test_expired_form_is_refused_and_its_job_expires(site: Site) -> None:
    """Nothing is stored, and the job ends as EXPIRED."""
    body, headers = {"content_type": "image/jpeg"}, {"Idempotency-Key": "almost over"}
    job = site.http.post("uploads", json=body, headers=headers).json()

    def sign_form(seconds: int) -> Any:
        """Return a form that expires in ``seconds``, or None if the function took longer than that."""
        set_due_at(site, job["id"], datetime.now(UTC) + timedelta(minutes=10, seconds=seconds))
        return site.http.post("uploads", json=body, headers=headers).json()["upload"]

    form = next(form for form in map(sign_form, (2, 10, 60)) if form is not None)
    ends = datetime.fromisoformat(form["expires_at"])
    wait_until(lambda: datetime.now(UTC) > ends + timedelta(seconds=1))
    assert is_refused(post_form(form, JPEG), "AccessDenied", "expired")
    set_due_at(site, job["id"], datetime.now(UTC) - timedelta(seconds=1))
    site.functions.invoke(FunctionName=site.stack.functions["reconciler"], Payload=b"{}")
    ended = site.wait_until_done(job["id"])
    assert (ended["status"], ended["error"]["code"]) == ("EXPIRED", "UPLOAD_EXPIRED")
    assert site.keys(f"raw/direct/{job['id']}") == []


def test_second_upload_changes_nothing(site: Site) -> None:
    """Record, receipt and raw link keep the first upload, and the second one is deleted."""
    job = site.create_upload(content_type="image/jpeg")
    assert post_form(job["upload"], JPEG).status_code in {201, 204}
    done = site.wait_until_done(job["id"])
    wait_until(lambda: site.keys(f"raw/direct/{job['id']}") == [])
    assert post_form(job["upload"], sample_images.make_jpeg(10, 10)).status_code in {201, 204}
    assert site.http.get(f"jobs/{job['id']}/raw", follow_redirects=True).content == JPEG
    wait_until(lambda: site.keys(f"raw/direct/{job['id']}") == [])
    confirmed = site.http.post(f"uploads/{job['id']}/confirm")
    assert (confirmed.status_code, confirmed.json()["status"]) == (202, "COMPLETED")
    assert site.job(job["id"]) == done
    digest = hashlib.sha256(JPEG).hexdigest()
    assert done["raw"]["digest"] == digest
    assert site.http.get(f"jobs/{job['id']}/receipt").json()["receipt"]["raw"]["digest"] == digest
    assert site.http.get(f"jobs/{job['id']}/raw", follow_redirects=True).content == JPEG
    assert site.keys(f"raw/pinned/{job['id']}/") == [f"raw/pinned/{job['id']}/{done['attempts']}"]
    assert len(site.keys(f"processed/{job['id']}/")) == 1
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    assert site.keys(f"raw/pinned/{job['id']}/") == []


def test_upload_for_a_deleted_job_is_deleted(site: Site) -> None:
    """The object does not stay in the bucket."""
    job = site.create_upload(content_type="image/jpeg")
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    assert post_form(job["upload"], JPEG).status_code in {201, 204}
    wait_until(lambda: site.keys(f"raw/direct/{job['id']}") == [])


def test_form_uses_the_host_of_the_request(site: Site) -> None:
    """The URL of the form has the host name of the caller and works."""
    other = httpx.URL(site.stack.api_url).copy_with(host="localhost")
    job = httpx.post(f"{other}/uploads", json={"content_type": "image/jpeg"}, timeout=HTTP_SECONDS).json()
    assert httpx.URL(job["upload"]["url"]).netloc == other.netloc
    assert post_form(job["upload"], JPEG).status_code in {201, 204}
    assert site.wait_until_done(job["id"])["status"] == "COMPLETED"


def set_due_at(site: Site, job_id: str, due: datetime) -> None:
    """Set when the reconciler checks a job."""
    site.dynamodb.update_item(
        TableName=site.stack.table,
        Key={"ID": {"S": job_id}},
        UpdateExpression="SET #DueAt = :due",
        ExpressionAttributeNames={"#DueAt": "DueAt"},
        ExpressionAttributeValues={":due": {"S": to_iso(due)}},
    )
