"""The whole path of a job on moto: API, worker, dead letters."""

import base64
import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from support import events, sample_images
from support.moto_cloud import Cloud

import worker.app
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import Job
from shared.jobs.message import JobMessage

FAILED_AT_ONCE = [
    (b"\x89PNG\r\n\x1a\n and then words", "NOT_AN_IMAGE"),
    (sample_images.make_jpeg(400, 300)[:3000], "TRUNCATED_IMAGE"),
    (sample_images.make_png(20_000, 2), "SIDE_TOO_LONG"),
]


def test_image_is_processed_end_to_end(cloud: Cloud) -> None:
    """Raw bytes in, a grayscale PNG out, and the record matches the data dictionary."""
    image = sample_images.make_jpeg(2000, 1000)
    job = cloud.submit(image, query={"filename": "my cat.jpg"})
    assert (job["status"], job["done"], job["result"], job["error"]) == ("PENDING", False, None, None)
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (done["status"], done["done"], done["format"], done["attempts"]) == ("COMPLETED", True, "PNG", 1)
    assert (done["result"]["width"], done["result"]["height"]) == (1024, 512)
    data = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=done["key"])["Body"].read()
    assert sample_images.decode(data).mode == "L"
    assert hashlib.sha256(data).hexdigest() == done["result"]["digest"]
    item = cloud.item(job["id"])
    assert item["ID"] == {"S": job["id"]}
    assert item["Filename"] == {"S": "my cat.jpg"}
    assert item["Status"] == {"S": "COMPLETED"}
    assert item["Timestamp"] == {"S": done["timestamp"]}
    assert item["S3Path"] == {"S": f"s3://images-for-tests/processed/{job['id']}/1/image.png"}
    assert item["Size"] == {"N": str(len(data))}
    assert item["Format"] == {"S": "PNG"}
    assert "OpenShard" not in item
    assert "DueAt" not in item
    assert cloud.receive() != []  # received by this test and not deleted


def test_base64_text_is_processed(cloud: Cloud) -> None:
    """``base64 -w 0 photo.jpg`` as text/plain is an image."""
    text = base64.b64encode(sample_images.make_jpeg()).decode()
    answer = cloud.call("POST", "/v1/jobs", text, headers={"Content-Type": "text/plain"})
    assert answer.status == 202
    assert answer.headers["Location"] == f"http://gateway.test:4566/prod/v1/jobs/{answer.json['id']}"
    assert answer.headers["Retry-After"] == "1"


def test_waiting_response_has_the_image_key(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Prefer: wait=N the response is 200 with the key if the worker completes in time."""

    def work_meanwhile(_: float) -> None:
        cloud.deliver(cloud.receive())

    monkeypatch.setattr("api.jobs.wait_preference.wait_until_done.__defaults__", (work_meanwhile,))
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=20"}
    answer = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), headers=headers)
    assert answer.status == 200
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert answer.json["key"] == f"processed/{answer.json['id']}/1/image.png"


def test_reading_a_job_can_wait_for_its_end(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Prefer: wait=N, at most MaxWaitSeconds. A job that has ended is returned at once, or 304."""
    pauses: list[float] = []

    def work_meanwhile(seconds: float) -> None:
        pauses.append(seconds)
        cloud.deliver(cloud.receive())

    monkeypatch.setattr("api.jobs.wait_preference.wait_until_done.__defaults__", (work_meanwhile,))
    job = cloud.submit(sample_images.make_jpeg())
    path, headers = f"/v1/jobs/{job['id']}", {"Prefer": "wait=20"}
    open_tag = cloud.call("GET", path).headers["ETag"]
    assert not pauses
    answer = cloud.call("GET", path, headers=headers | {"If-None-Match": open_tag})
    assert (answer.status, answer.json["status"]) == (200, "COMPLETED")
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert len(pauses) == 1
    again = cloud.call("GET", path, headers=headers | {"If-None-Match": answer.headers["ETag"]})
    assert (again.status, len(pauses)) == (304, 1)


@pytest.mark.parametrize(("data", "code"), FAILED_AT_ONCE)
def test_bad_image_fails_at_once_and_alone(cloud: Cloud, data: bytes, code: str) -> None:
    """It fails on the first attempt and does not affect other records."""
    bad = cloud.submit(data)
    good = [cloud.submit(sample_images.make_jpeg()) for _ in range(4)]
    assert cloud.deliver(cloud.receive()) == []
    failed = cloud.call("GET", f"/v1/jobs/{bad['id']}").json
    assert (failed["status"], failed["done"], failed["result"]) == ("FAILED", True, None)
    assert (failed["error"]["code"], failed["error"]["retriable"], failed["attempts"]) == (code, False, 1)
    assert "/" not in failed["error"]["message"]
    assert {cloud.call("GET", f"/v1/jobs/{job['id']}").json["status"] for job in good} == {"COMPLETED"}
    assert not [key for key in cloud.keys() if key.startswith(f"processed/{bad['id']}")]  # noqa: SIM118 - not a dict


def test_only_unreadable_messages_are_reported(cloud: Cloud) -> None:
    """For all subsets of three records, exactly the unreadable ones are reported."""
    for subset in itertools.product([False, True], repeat=3):
        for _ in subset:
            cloud.submit(sample_images.make_png(8, 8))
        messages = cloud.receive()
        foreign = [message for message, is_foreign in zip(messages, subset, strict=True) if is_foreign]
        for at, message in enumerate(foreign):
            message["Body"] = f"not ours {at}"
        assert cloud.deliver(messages) == [message["Body"] for message in foreign]
        for message in messages:
            cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])


def test_duplicate_delivery_changes_nothing(cloud: Cloud) -> None:
    """A duplicate message makes one result and one transition."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    cloud.deliver(messages)
    before = cloud.item(job["id"])
    assert cloud.deliver(messages) == []
    assert cloud.item(job["id"]) == before
    assert len(cloud.keys()) == 2


def test_message_waits_for_a_held_lease(cloud: Cloud) -> None:
    """While another worker holds the job, the message waits for the rest of the lease and is not deleted."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.jobs.claim(
        JobMessage(job_id=job["id"], generation=1), now=utc_now(), lease=timedelta(seconds=100), max_attempts=5
    )
    messages = cloud.receive()
    assert cloud.deliver(messages) == [messages[0]["Body"]]
    assert cloud.receive() == []
    assert cloud.job(job["id"]).status == "PROCESSING"


def test_expired_lease_is_taken_over(cloud: Cloud) -> None:
    """The next delivery completes the job, and the late worker's commit changes nothing."""
    job = cloud.submit(sample_images.make_jpeg())
    message = JobMessage(job_id=job["id"], generation=1)
    past = utc_now() - timedelta(seconds=100)
    stale = cloud.jobs.claim(message, now=past, lease=timedelta(seconds=50), max_attempts=5)
    assert isinstance(stale, Job)
    cloud.deliver(cloud.receive())
    after = cloud.item(job["id"])
    assert after["Attempt"] == {"N": "2"}
    assert after["S3Path"]["S"].endswith("/2/image.png")
    late = stale.complete(raw=stale.raw, outputs=(), warnings=(), now=utc_now())
    assert cloud.jobs.commit(late) is False
    assert cloud.item(job["id"]) == after


def test_record_without_time_left_is_not_started(cloud: Cloud) -> None:
    """With too little time left in the invocation, the record is returned to the queue."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    assert cloud.deliver(messages, events.Context(remaining_milliseconds=500)) == [messages[0]["Body"]]
    assert cloud.item(job["id"])["Attempt"] == {"N": "0"}


def test_repeated_claim_is_one_attempt(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that is repeated because its response was lost is the same claim."""
    job = cloud.submit(sample_images.make_jpeg())
    real = cloud.clients.dynamodb.update_item
    table = cloud.jobs

    def twice(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(cloud.clients.dynamodb, "update_item", twice)
    claimed = table.claim(
        JobMessage(job_id=job["id"], generation=1), now=utc_now(), lease=timedelta(seconds=60), max_attempts=5
    )
    assert isinstance(claimed, Job)
    assert claimed.attempt == 1
    completed = claimed.complete(raw=claimed.raw, outputs=(), warnings=(), now=utc_now())
    assert table.commit(completed) is True


def test_missing_raw_image_fails_the_job(cloud: Cloud) -> None:
    """A missing raw image is a failure, not a crash."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.clients.s3.delete_object(Bucket="images-for-tests", Key=f"raw/api/{job['id']}")
    assert cloud.deliver(cloud.receive()) == []
    error = cloud.job(job["id"]).error
    assert error is not None
    assert error.code == "RAW_IMAGE_MISSING"


def test_replaced_raw_image_fails_the_job(cloud: Cloud) -> None:
    """Only the uploaded bytes are ever processed."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.clients.s3.put_object(Bucket="images-for-tests", Key=f"raw/api/{job['id']}", Body=sample_images.make_png())
    cloud.deliver(cloud.receive())
    error = cloud.job(job["id"]).error
    assert error is not None
    assert error.code == "RAW_IMAGE_MISSING"


def test_service_error_returns_only_its_record(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """If S3 fails for one of three records, that record is returned and the others complete."""
    jobs = [cloud.submit(sample_images.make_jpeg()) for _ in range(3)]
    images = worker.app.get_consumer().processor.images
    real = images.get_raw

    def fail_one(raw: Any, *, max_bytes: int) -> bytes:
        if jobs[1]["id"] in raw.key:
            raise ServiceUnavailable
        return real(raw, max_bytes=max_bytes)

    monkeypatch.setattr(images, "get_raw", fail_one)
    returned = cloud.deliver(cloud.receive())
    assert [json.loads(body)["job_id"] for body in returned] == [jobs[1]["id"]]
    assert [cloud.job(job["id"]).status for job in jobs] == ["COMPLETED", "PENDING", "COMPLETED"]


def test_repeated_dead_letters_fail_the_job(cloud: Cloud) -> None:
    """A job whose messages keep failing ends with a code and can be retried."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    for _ in range(9):
        assert cloud.handle_dead_letters(messages) == []
    assert cloud.job(job["id"]).status == "PENDING"
    cloud.set_upload_age(job["id"], timedelta(hours=7))
    assert cloud.handle_dead_letters(messages) == []
    stored = cloud.job(job["id"])
    assert stored.status == "FAILED"
    assert stored.error is not None
    assert (stored.error.code, stored.error.retriable) == ("ATTEMPTS_EXHAUSTED", True)


def test_dead_letter_of_a_finished_job_changes_nothing(cloud: Cloud) -> None:
    """A job that completed meanwhile stays completed."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    cloud.deliver(messages)
    assert cloud.handle_dead_letters(messages) == []
    assert cloud.job(job["id"]).status == "COMPLETED"


def test_dead_letter_waits_for_a_running_attempt(cloud: Cloud) -> None:
    """While a worker holds the lease, the dead letter is returned to its queue."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.jobs.claim(
        JobMessage(job_id=job["id"], generation=1), now=utc_now(), lease=timedelta(seconds=100), max_attempts=5
    )
    messages = cloud.receive()
    assert cloud.handle_dead_letters(messages) == [messages[0]["Body"]]
    assert cloud.job(job["id"]).status == "PROCESSING"


def test_unreadable_dead_letter_is_stored(cloud: Cloud) -> None:
    """The whole message is stored and leaves the queue."""
    url = cloud.dead_letter_queue_url
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="who sent this?")
    messages = cloud.receive(url)
    assert cloud.handle_dead_letters(messages) == []
    key = f"dead-letters/{messages[0]['MessageId']}.json"
    kept = json.loads(cloud.clients.s3.get_object(Bucket="images-for-tests", Key=key)["Body"].read())
    assert kept["body"] == "who sent this?"


def test_invocation_without_records_does_nothing(cloud: Cloud) -> None:
    """A test event or a warm-up is not an error."""
    assert cloud.deliver([]) == []
