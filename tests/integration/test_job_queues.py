"""Which queue a job's message goes to."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from support import sample_images
from support.moto_cloud import TABLE, Cloud

from shared.clock import to_iso, utc_now


def submit_without_message(cloud: Cloud) -> str:
    """Create a job and delete its message. Return its ID."""
    job_id: str = cloud.submit(sample_images.make_jpeg())["id"]
    for message in cloud.receive():
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return job_id


def write(cloud: Cloud, job_id: str, expression: str, **values: str) -> None:
    """Change a record directly."""
    cloud.clients.dynamodb.update_item(
        TableName=TABLE,
        Key={"ID": {"S": job_id}},
        UpdateExpression=expression,
        ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
    )


def retry(cloud: Cloud, job_id: str) -> None:
    """Cancel and retry a job."""
    assert cloud.call("POST", f"/v1/jobs/{job_id}/cancel").status == 200
    assert cloud.call("POST", f"/v1/jobs/{job_id}/retry").status == 202


def retry_twice_with_a_key(cloud: Cloud, job_id: str) -> None:
    """Cancel a job and send the same retry twice with an Idempotency-Key."""
    assert cloud.call("POST", f"/v1/jobs/{job_id}/cancel").status == 200
    headers = {"Idempotency-Key": "a"}
    assert [cloud.call("POST", f"/v1/jobs/{job_id}/retry", headers=headers).status for _ in range(2)] == [202, 202]


def redrive(cloud: Cloud, job_id: str) -> None:
    """Fail a job by dead letters and redrive it."""
    job = cloud.job(job_id)
    cloud.set_upload_age(job_id, timedelta(hours=7))
    for _ in range(3):
        body = f'{{"version": 1, "job_id": "{job_id}", "generation": {job.generation}}}'
        cloud.clients.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, MessageBody=body)
        messages = cloud.receive(cloud.dead_letter_queue_url)
        assert cloud.handle_dead_letters(messages) == []
        for message in messages:
            cloud.clients.sqs.delete_message(
                QueueUrl=cloud.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
    assert cloud.call("POST", "/v1/dead-letters/redrive", '{"all": true}', headers=JSON).json["redriven"] == 1


def requeue(cloud: Cloud, job_id: str) -> None:
    """Make a job overdue and run the reconciler."""
    write(cloud, job_id, "SET DueAt = :due", due=to_iso(utc_now() - timedelta(seconds=1)))
    assert cloud.reconcile() == {"send": 1}


JSON = {"Content-Type": "application/json"}
SENDERS = (retry, retry_twice_with_a_key, redrive, requeue)


@pytest.mark.parametrize("send", SENDERS)
@pytest.mark.parametrize("is_bulk", [False, True], ids=["alone", "in a batch"])
def test_message_stays_in_its_queue(cloud: Cloud, send: Callable[[Cloud, str], None], *, is_bulk: bool) -> None:
    """A retried or overdue job is sent to its own queue by every sender."""
    job_id = submit_without_message(cloud)
    if is_bulk:
        write(cloud, job_id, "SET BatchID = :batch", batch="01HZY3Q1M8Z3J5W7XK9V2B4C6D")
    send(cloud, job_id)
    counts = {queue: len(cloud.receive(queue)) for queue in (cloud.queue_url, cloud.bulk_queue_url)}
    assert counts == {cloud.queue_url: int(not is_bulk), cloud.bulk_queue_url: int(is_bulk)}
