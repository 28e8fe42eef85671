"""Cancel, retry, delete, idempotency and dead letters on an engine, with real concurrency."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from support import sample_images
from support.running_stack import (
    HTTP_SECONDS,
    RELEASED,
    Site,
    count_attempts,
    get,
    send_until_admitted,
    wait_until,
)

from safelight import Safelight
from shared.clock import to_iso, utc_now

IMAGE = sample_images.make_jpeg()


@pytest.fixture
def client(site: Site) -> Iterator[Safelight]:
    """Yield a client of the stack."""
    with Safelight(site.stack.api_url) as safelight:
        yield safelight


def test_delete_removes_job_objects_and_links(site: Site, client: Safelight) -> None:
    """A second deletion returns the same statement."""
    job = client.wait(client.submit(IMAGE).id)
    link = client.result_link(job.id).url
    assert get(link).status_code == 200
    statement = client.delete(job.id)
    assert get(link).status_code == 404
    assert [*site.keys(f"raw/api/{job.id}"), *site.keys(f"processed/{job.id}/")] == []
    assert "Item" not in site.dynamodb.get_item(TableName=site.stack.table, Key={"ID": {"S": job.id}})
    assert (statement.object_count, client.delete(job.id)) == (2, statement)
    assert site.http.get(f"jobs/{job.id}").status_code == 404


def test_failed_job_is_retried(site: Site, client: Safelight) -> None:
    """In a new generation with a new attempt."""
    failed = site.wait_until_done(client.submit(b"\x89PNG\r\n\x1a\n words").id)
    assert (failed["status"], count_attempts(failed), failed["generation"]) == ("FAILED", 1, 1)
    client.retry(failed["id"])
    again = site.wait_until_done(failed["id"])
    assert (again["status"], count_attempts(again), again["generation"]) == ("FAILED", 2, 2)
    codes = [line["code"] for line in again["history"] if line["code"] not in {None, *RELEASED}]
    assert codes == ["NOT_AN_IMAGE", "RETRIED", "NOT_AN_IMAGE"]


def test_concurrent_requests_with_one_key_create_one_job(site: Site) -> None:
    """Each of eight equal requests gets this job or KEY_IN_USE."""
    headers = {"Content-Type": "image/jpeg", "Idempotency-Key": "one-of-eight"}

    def send(_: int) -> httpx.Response:
        url = f"{site.stack.api_url}/jobs"
        return send_until_admitted(lambda: httpx.post(url, content=IMAGE, headers=headers, timeout=HTTP_SECONDS))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 202} <= {"KEY_IN_USE"}
    replay = send(0)
    assert (replay.json()["id"], replay.headers["Idempotency-Replayed"]) == (ids.pop(), "true")
    other = site.http.post("jobs", content=sample_images.make_png(), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")


def test_dead_letter_is_redriven(site: Site, client: Safelight) -> None:
    """A job whose message used up its receives is listed by reason, redriven and completed."""
    others = {each.id for each in client.dead_letters(reason="ATTEMPTS_EXHAUSTED")}

    def list_own() -> list[str]:
        return [each.id for each in client.dead_letters(reason="ATTEMPTS_EXHAUSTED") if each.id not in others]

    with site.pause_worker():
        job_id = client.submit(IMAGE).id
        site.dynamodb.update_item(  # so that the dead-letter function does not wait
            TableName=site.stack.table,
            Key={"ID": {"S": job_id}},
            UpdateExpression="SET UploadedAt = :then",
            ExpressionAttributeValues={":then": {"S": to_iso(utc_now() - timedelta(hours=7))}},
        )
        body = f'{{"version": 1, "job_id": "{job_id}", "generation": 1}}'

        def is_ended() -> bool:
            site.sqs.send_message(QueueUrl=site.stack.dead_letter_queue_url, MessageBody=body)
            return bool(site.job(job_id)["done"])

        wait_until(is_ended)
        cancelled = client.cancel(client.submit(IMAGE).id)
        assert cancelled.error is not None
        assert (cancelled.status, cancelled.error.code) == ("CANCELLED", "JOB_CANCELLED")
        assert list_own() == [job_id]
        assert client.redrive(job_id=job_id).jobs == (job_id,)
    done = client.wait(job_id)
    assert (done.status, done.generation) == ("COMPLETED", 2)
    assert list_own() == []
    assert client.status(cancelled.id).status == "CANCELLED"
