"""Jobs from the stored raw image of another job (`source: job:ID`), on moto: one copy, one digest, no second upload."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Answer, Cloud

import api.dependencies
import worker.app
from api.jobs.wait_preference import wait_until_done
from shared.errors import ServiceUnavailable
from shared.jobs.job import Job, JobStatus

ANN, BOB = ({"identity": {"userArn": f"arn:aws:iam::1:user/{name}"}} for name in ("ann", "bob"))
JPEG = sample_images.make_jpeg(40, 30)
#: A file that starts like a PNG file, without an image.
DAMAGED = b"\x89PNG\r\n\x1a\n words"


def run_worker(cloud: Cloud, *urls: str) -> None:
    """Deliver all waiting messages to the worker."""
    for url in urls or (cloud.queue_url, cloud.bulk_queue_url):
        while messages := cloud.receive(url):
            assert cloud.deliver(messages) == []
            for message in messages:
                cloud.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def submit(cloud: Cloud, data: bytes = JPEG, **more: Any) -> str:
    """Create a job and let it end. Return its ID."""
    job_id = str(cloud.submit(data, **more)["id"])
    run_worker(cloud)
    return job_id


def request_copy(cloud: Cloud, job_id: str, *, caller: Any = None, headers: Any = None, **options: Any) -> Answer:
    """Send a request for a job from the raw image of a job."""
    return cloud.post("/v1/jobs", {"source": f"job:{job_id}", **options}, headers=headers or {}, **(caller or {}))


def copy(cloud: Cloud, job_id: str, **options: Any) -> str:
    """Create a job from the raw image of a job. Return its ID."""
    answer = request_copy(cloud, job_id, **options)
    assert answer.status == 202, answer.text
    return str(answer.json["id"])


def check_copy(cloud: Cloud, job_id: str, data: bytes = JPEG) -> Job:
    """Check that the record, the receipt and the stored copy of a completed job agree on the bytes. Return the job."""
    job, digest = cloud.job(job_id), hashlib.sha256(data).hexdigest()
    assert (job.status, job.raw.digest, job.raw.size) == (JobStatus.COMPLETED, digest, len(data))
    assert job.raw.key == f"raw/import/{job_id}"
    assert cloud.clients.s3.get_object(Bucket=BUCKET, Key=job.raw.key)["Body"].read() == data
    assert cloud.call("GET", f"/v1/jobs/{job_id}/receipt").json["receipt"]["raw"]["digest"] == digest
    return job


def test_an_image_gets_another_version_without_an_upload(cloud: Cloud) -> None:
    """The new job has its own pipeline, ID and copy, and the name of the image. The first job does not change."""
    first = submit(cloud, query={"filename": "chair.jpg", "preset": "thumbnail"})
    before = cloud.job(first)
    answer = request_copy(cloud, first.lower(), width=8, format="webp")
    assert (answer.status, answer.headers["Location"].rpartition("/")[2]) == (202, answer.json["id"])
    second = answer.json["id"]
    assert answer.json["raw"] | {"width": None, "height": None} == {
        "size": len(JPEG),
        "format": "JPEG",
        "width": None,
        "height": None,
        "digest": before.raw.digest,
        "source": f"job:{first}",
    }
    run_worker(cloud)
    job = check_copy(cloud, second)
    assert (job.filename, job.preset, job.outputs[0].format, job.outputs[0].width) == ("chair.jpg", None, "WEBP", 8)
    assert cloud.job(first) == before


def test_copies_outlive_the_first_job_and_are_sources_too(cloud: Cloud) -> None:
    """Deleting one job removes its own objects and nothing else."""
    first = submit(cloud)
    second = copy(cloud, first, width=8)
    run_worker(cloud)
    assert cloud.call("DELETE", f"/v1/jobs/{first}").status == 200
    assert not [key for key in sorted(cloud.keys()) if first in key]
    third = copy(cloud, second, filename="again.jpg")
    run_worker(cloud)
    assert check_copy(cloud, third).filename == "again.jpg"
    assert cloud.call("DELETE", f"/v1/jobs/{second}").status == 200
    check_copy(cloud, third)


def test_job_without_its_own_copy_fails_if_its_source_is_deleted(cloud: Cloud) -> None:
    """The error names the source and what to do. Nothing of the new job is left in the bucket."""
    first = submit(cloud)
    second = copy(cloud, first)
    assert cloud.call("DELETE", f"/v1/jobs/{first}").status == 200
    run_worker(cloud)
    shown = cloud.call("GET", f"/v1/jobs/{second}").json
    assert (shown["status"], shown["error"]["code"], shown["error"]["retriable"]) == ("FAILED", "SOURCE_MISSING", False)
    assert first in shown["error"]["message"]
    assert "Upload the image again" in shown["error"]["message"]
    assert cloud.keys() == []


def test_link_to_the_copy_exists_once_it_is_stored(cloud: Cloud) -> None:
    """Although the format of the image is known before. A job that has ended without its copy has no raw image."""
    first = submit(cloud)
    made, lost = copy(cloud, first), copy(cloud, first)
    early = cloud.call("GET", f"/v1/jobs/{made}/raw")
    assert (early.status, early.json["code"]) == (409, "RESULT_NOT_READY")
    assert cloud.call("POST", f"/v1/jobs/{lost}/cancel").status == 200
    run_worker(cloud)
    assert cloud.call("GET", f"/v1/jobs/{made}/raw").status == 303
    late = cloud.call("GET", f"/v1/jobs/{lost}/raw")
    assert (late.status, late.json["code"]) == (410, "RAW_IMAGE_MISSING")


def _expire(cloud: Cloud, job_id: str) -> None:
    """Let the retention of a job end, before DynamoDB has deleted it."""
    dependencies = api.dependencies.get_dependencies()
    end = cloud.job(job_id).expires_at
    assert end is not None
    object.__setattr__(dependencies, "clock", lambda: end + timedelta(seconds=1))


def _delete(cloud: Cloud, job_id: str) -> None:
    assert cloud.call("DELETE", f"/v1/jobs/{job_id}").status == 200


def _lose(cloud: Cloud, job_id: str) -> None:
    """Remove the raw image, as a lifecycle rule does."""
    cloud.clients.s3.delete_object(Bucket=BUCKET, Key=cloud.job(job_id).raw.key)


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        (_delete, 422, "JOB_NOT_FOUND"),
        (_expire, 422, "JOB_NOT_FOUND"),
        (_lose, 410, "RAW_IMAGE_MISSING"),
    ],
)
def test_source_that_is_no_longer_stored_is_refused(
    cloud: Cloud, end: Callable[[Cloud, str], None], status: int, code: str
) -> None:
    """Each case has its code, and the detail names the field, the job and the remedy."""
    job_id = submit(cloud)
    end(cloud, job_id)
    count = cloud.count()
    answer = request_copy(cloud, job_id)
    assert (answer.status, answer.json["code"], answer.json["errors"][0]["pointer"]) == (status, code, "/source")
    assert job_id in answer.json["detail"]
    assert "Upload the image" in answer.json["detail"]
    assert cloud.count() == count


def test_job_of_another_owner_looks_like_no_job(cloud: Cloud) -> None:
    """The responses differ only in the ID."""
    mine = cloud.submit(JPEG, **ANN)["id"]
    run_worker(cloud)
    unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    theirs, none = request_copy(cloud, mine, caller=BOB), request_copy(cloud, unknown, caller=BOB)
    assert (theirs.status, theirs.json["code"]) == (422, "JOB_NOT_FOUND")
    shown = [{**each.json, "request_id": ""} for each in (theirs, none)]
    assert json.dumps(shown[0]).replace(mine, unknown) == json.dumps(shown[1])
    assert request_copy(cloud, mine, caller=ANN).status == 202


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"source": "job:"}, "/source"),
        ({"source": "job:../raw/api/x"}, "/source"),
        ({"source": "job:01ARZ3NDEKTSV4RRFFQ69G5FAU0"}, "/source"),
        ({"source": "job:01ARZ3NDEKTSV4RRFFQ69G5FAV", "version": "1"}, "/version"),
    ],
)
def test_malformed_source_is_refused(cloud: Cloud, document: dict[str, Any], pointer: str) -> None:
    """With a pointer to the field."""
    answer = cloud.post("/v1/jobs", document)
    assert (answer.status, answer.json["code"]) == (422, "INVALID_REQUEST")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_open_job_is_a_source_only_if_its_image_is_stored(cloud: Cloud) -> None:
    """An image that came with the request is. A direct upload is not before a worker has read it, nor is a copy."""
    waiting = str(cloud.submit(JPEG)["id"])
    second = copy(cloud, waiting)
    upload = cloud.create_upload(content_type="image/jpeg")
    for job_id in (second, upload["id"]):
        refused = request_copy(cloud, job_id)
        assert (refused.status, refused.json["code"], refused.json["retriable"]) == (409, "SOURCE_NOT_READY", True)
        assert int(refused.headers["Retry-After"]) >= 1
        assert cloud.job(job_id).status.value in refused.json["detail"]
    cloud.store(upload["upload"]["fields"]["key"], JPEG)
    assert cloud.call("POST", f"/v1/uploads/{upload['id']}/confirm").status == 202
    assert request_copy(cloud, upload["id"]).json["code"] == "SOURCE_NOT_READY"
    run_worker(cloud)
    copies = [copy(cloud, each) for each in (second, upload["id"])]
    run_worker(cloud)
    for each in copies:
        check_copy(cloud, each)


def test_upload_that_was_cancelled_before_it_was_read_is_a_source(cloud: Cloud) -> None:
    """The form may still replace it, so the new job accepts only the declared content."""
    upload = cloud.create_upload(content_type="image/jpeg", digest=hashlib.sha256(JPEG).hexdigest())
    key = upload["upload"]["fields"]["key"]
    cloud.store(key, JPEG)
    assert cloud.call("POST", f"/v1/jobs/{upload['id']}/cancel").status == 200
    second = copy(cloud, upload["id"])
    run_worker(cloud, cloud.queue_url)
    check_copy(cloud, second)
    cloud.store(key, sample_images.make_jpeg(8, 8))
    third = copy(cloud, upload["id"])
    run_worker(cloud)
    error = cloud.job(third).error
    assert (error.code if error else "") == "RAW_IMAGE_MISSING"


def test_upload_that_never_arrived_is_refused(cloud: Cloud) -> None:
    """There is nothing to process."""
    upload = cloud.create_upload(content_type="image/jpeg")
    assert cloud.call("POST", f"/v1/jobs/{upload['id']}/cancel").status == 200
    answer = request_copy(cloud, upload["id"])
    assert (answer.status, answer.json["code"]) == (410, "RAW_IMAGE_MISSING")


def test_failed_job_is_a_source_unless_its_file_is_wrong(cloud: Cloud) -> None:
    """Another pipeline can succeed. A file that is not an image, or not the declared one, can't."""
    outside = submit(
        cloud, query={"pipeline": '{"operations": [{"op": "crop", "x": 500, "y": 0, "width": 9, "height": 9}]}'}
    )
    assert cloud.job(outside).status is JobStatus.FAILED
    second = copy(cloud, outside, width=8)
    run_worker(cloud)
    check_copy(cloud, second)
    other, words = (cloud.create_upload(content_type="image/png") for _ in range(2))
    for upload, data in ((other, JPEG), (words, b"words")):
        cloud.store(upload["upload"]["fields"]["key"], data)
        assert cloud.deliver_s3_events(upload["upload"]["fields"]["key"]) == []
        assert cloud.job(upload["id"]).status is JobStatus.FAILED
        answer = request_copy(cloud, upload["id"])
        assert (answer.status, answer.json["code"]) == (409, "SOURCE_UNUSABLE")
        assert upload["id"] in answer.json["detail"]


def test_damaged_image_fails_again_with_its_own_code(cloud: Cloud) -> None:
    """The new job has the same error as the first one."""
    first = submit(cloud, DAMAGED)
    second = copy(cloud, first)
    run_worker(cloud)
    errors = [cloud.job(job_id).error for job_id in (first, second)]
    assert errors[0] is not None
    assert errors[0] == errors[1]


def test_repeated_request_finds_its_job_after_the_source_was_deleted(cloud: Cloud) -> None:
    """Also if the first try was killed before its response was stored. There is exactly one job."""
    first = submit(cloud)
    headers = {"Idempotency-Key": "again"}
    dependencies = api.dependencies.get_dependencies()
    real = dependencies.requests.store_response

    def fail(*_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    dependencies.requests.store_response = fail  # type: ignore[method-assign]
    second = request_copy(cloud, first, headers=headers).json["id"]
    dependencies.requests.store_response = real  # type: ignore[method-assign]
    run_worker(cloud)
    _delete(cloud, first)
    later = dependencies.clock() + timedelta(minutes=5)
    object.__setattr__(dependencies, "clock", lambda: later)
    answers = [request_copy(cloud, first, headers=headers) for _ in range(2)]
    assert [(each.status, each.json["id"]) for each in answers] == [(202, second)] * 2
    assert cloud.count() == 1
    other = request_copy(cloud, second, headers=headers)
    assert (other.status, other.json["code"]) == (422, "KEY_REUSED")


def test_duplicate_messages_copy_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts after the first one read the copy, also after the source was deleted."""
    first = submit(cloud)
    second = copy(cloud, first)
    images = worker.app.get_consumer().processor.images

    def refuse(*_: Any) -> None:
        raise ServiceUnavailable

    messages = cloud.receive()
    with monkeypatch.context() as patched:
        patched.setattr(images, "put_processed", refuse)
        assert cloud.deliver(messages) != []
    _delete(cloud, first)
    assert cloud.deliver(messages) == []
    assert cloud.deliver(messages) == []
    check_copy(cloud, second)


def test_deleted_copy_leaves_nothing(cloud: Cloud) -> None:
    """Neither before nor after the worker has made the copy."""
    first = submit(cloud)
    kept = set(cloud.keys())
    before, after = copy(cloud, first), copy(cloud, first)
    _delete(cloud, before)
    run_worker(cloud)
    _delete(cloud, after)
    assert set(cloud.keys()) == kept


def test_copies_count_for_the_limits_of_the_owner(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy has the bytes of its image. A refused request creates nothing."""
    monkeypatch.setenv("OWNER_DAILY_BYTES", str(2 * len(JPEG)))
    cloud.stop_clock()
    first = submit(cloud)
    copy(cloud, first)
    refused = request_copy(cloud, first)
    assert (refused.status, refused.json["code"], cloud.count()) == (429, "DAILY_BYTES_EXCEEDED", 2)


def test_image_over_the_limit_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit may have been lowered since the upload."""
    first = submit(cloud)
    monkeypatch.setenv("MAX_RAW_BYTES", str(len(JPEG) - 1))
    api.dependencies.get_dependencies.cache_clear()
    assert (request_copy(cloud, first).status, cloud.count()) == (413, 1)


def test_outputs_are_limited_by_the_size_of_the_image(cloud: Cloud) -> None:
    """A small image can have outputs that the default image can't, because a worker has read its size."""
    outputs = [{"name": f"a{index}", "format": "avif", "quality": 90} for index in range(20)]
    pipeline = {"operations": [], "outputs": outputs}
    assert (
        cloud.post("/v1/jobs", {"source": "s3://shop/a.jpg", "pipeline": pipeline}).json["code"] == "INVALID_PIPELINE"
    )
    assert request_copy(cloud, submit(cloud), pipeline=pipeline).status == 202


def test_tags_follow_the_image(cloud: Cloud) -> None:
    """So the deletion of everything with a tag finds all copies: of single requests, members and backfills."""
    token = cloud.post("/v1/tokens", {"tags": {"user": "42"}}).json["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    first = cloud.call("POST", "/v1/jobs", JPEG, headers=headers, is_open=True).json["id"]
    run_worker(cloud)
    second = copy(cloud, first)
    batch = cloud.post("/v1/batches", {"items": [{"source": f"job:{first}"}]}).json
    run_worker(cloud)
    backfill = cloud.post("/v1/batches", {"backfill": {}}).json["batch"]["id"]
    while not cloud.call("POST", f"/v1/batches/{backfill}/backfill").json["backfill"]["complete"]:
        pass
    (member,) = cloud.call("GET", f"/v1/batches/{backfill}/items").json["items"]
    jobs = [cloud.job(job_id) for job_id in (second, batch["items"][0]["job"]["id"], member["id"])]
    assert [(job.tags, job.token_id) for job in jobs] == [((("user", "42"),), None)] * 3
    assert {job.source.shown for job in jobs if job.source} == {f"job:{first}"}


def test_members_of_a_batch_can_have_stored_images(cloud: Cloud) -> None:
    """Each member has its own error. A repeated request leaves its members as they are."""
    first = submit(cloud, query={"filename": "chair.jpg"})
    unread = cloud.create_upload(content_type="image/jpeg")["id"]
    items = [
        {"source": f"job:{first}", "width": 8},
        {"source": f"job:{unread}"},
        {"source": "job:01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        {"source": "job:x"},
    ]
    request: Any = {"items": items, "preset": "web", "close": True}
    batch = cloud.post("/v1/batches", request, headers={"Idempotency-Key": "k"}).json
    member, *errors = batch["items"]
    assert [each["error"]["code"] for each in errors] == ["SOURCE_NOT_READY", "JOB_NOT_FOUND", "INVALID_REQUEST"]
    assert (member["job"]["filename"], cloud.receive(cloud.queue_url)) == ("chair.jpg", [])
    run_worker(cloud)
    job = check_copy(cloud, member["job"]["id"])
    assert (job.batch_id, job.outputs[0].width) == (batch["batch"]["id"], 8)


def test_page_can_use_only_images_of_its_token(cloud: Cloud) -> None:
    """With the pipeline of the token, and counted. Other jobs of the owner, also of other tokens, look like none."""
    mine = submit(cloud)
    pages = []
    for _ in range(2):
        token = cloud.post("/v1/tokens", {"preset": "thumbnail", "max_files": 2}).json
        pages.append((token["id"], {"Authorization": f"Bearer {token['token']}"}))
    (token_id, page), (_, other) = pages
    upload = {"is_open": True, "headers": page | {"Content-Type": "image/jpeg"}}
    first = cloud.call("POST", "/v1/jobs", JPEG, **upload).json["id"]
    run_worker(cloud)
    as_json = {"Content-Type": "application/json"}

    def request(job_id: str, headers: dict[str, str], extra: str = "") -> Answer:
        body = f'{{"source": "job:{job_id}"{extra}}}'
        return cloud.call("POST", "/v1/jobs", body, headers=headers | as_json, is_open=True)

    for job_id, headers in ((mine, page), (first, other)):
        refused = request(job_id, headers)
        assert (refused.status, refused.json["code"]) == (422, "JOB_NOT_FOUND")
    chosen = request(first, page, ', "width": 8')
    assert (chosen.status, chosen.json["code"]) == (403, "TOKEN_FORBIDDEN")
    created = request(first, page)
    assert created.status == 202, created.text
    job = cloud.job(created.json["id"])
    assert (job.token_id, job.preset.name if job.preset else "") == (token_id, "thumbnail")
    refused = request(first, page)
    assert (refused.status, refused.json["code"]) == (429, "TOKEN_USED_UP")


def test_waiting_request_returns_the_result(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every other new job."""
    first = submit(cloud)

    def wait(job: Job, *arguments: Any) -> Job:
        run_worker(cloud)
        return wait_until_done(job, *arguments)

    monkeypatch.setattr("api.jobs.routes.wait_until_done", wait)
    answer = request_copy(cloud, first, headers={"Prefer": "wait=5"}, preset="thumbnail")
    assert (answer.status, answer.json["status"]) == (200, "COMPLETED")
