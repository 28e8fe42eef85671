"""Message groups: every message that the functions send names its tenant."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from support import events
from support.moto_cloud import BUCKET, Cloud
from support.sample_images import make_jpeg

import worker.reconciler
from shared.aws.sqs import Message, SqsQueue, compute_group
from shared.errors import ServiceError, ServiceUnavailable
from shared.jobs.job import ANONYMOUS

ANN = {"userArn": "arn:aws:iam::123456789012:user/ann"}
BOB = {"userArn": "arn:aws:iam::123456789012:user/bob"}
PHOTO = make_jpeg()


def groups(messages: list[Any]) -> list[str]:
    """Return the group of each message, or an empty text without one."""
    return [message["Attributes"].get("MessageGroupId", "") for message in messages]


def test_each_owner_has_its_own_group(cloud: Cloud) -> None:
    """All messages of one owner share a group, which does not show the owner's name."""
    for identity in (ANN, BOB, ANN):
        cloud.submit(PHOTO, identity=identity)
    found = groups(cloud.receive())
    assert sorted(found) == sorted(compute_group(f"iam:{who['userArn']}") for who in (ANN, ANN, BOB))
    assert all(group and len(group) <= 128 and group.isalnum() for group in found)


def test_a_retry_keeps_the_group(cloud: Cloud) -> None:
    """The group is that of the owner, also if the API retries the job."""
    job = cloud.submit(b"\xff\xd8\xff\xe0 not an image", identity=ANN)
    cloud.deliver(cloud.receive())
    cloud.clients.sqs.purge_queue(QueueUrl=cloud.queue_url)
    assert cloud.call("POST", f"/v1/jobs/{job['id']}/retry", identity=ANN).status == 202
    assert groups(cloud.receive()) == [compute_group(f"iam:{ANN['userArn']}")]


def test_the_reconciler_names_the_owner(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is sent again has the same group as the first."""
    monkeypatch.setenv("REDISPATCH_SECONDS", "1")
    job = cloud.submit(PHOTO, identity=BOB)
    cloud.clients.sqs.purge_queue(QueueUrl=cloud.queue_url)
    cloud.clients.dynamodb.update_item(
        TableName="Images",
        Key={"ID": {"S": job["id"]}},
        UpdateExpression="SET DueAt = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000Z"}},
    )
    worker.reconciler.get_reconciler.cache_clear()
    assert cloud.reconcile() == {"send": 1}
    assert groups(cloud.receive()) == [compute_group(f"iam:{BOB['userArn']}")]


@pytest.mark.parametrize("is_bulk", [False, True])
def test_uploads_are_forwarded_with_their_owner(cloud: Cloud, *, is_bulk: bool) -> None:
    """S3's event reaches the queue of its job unchanged, with the owner's group, and the worker processes it."""
    if is_bulk:
        batch = {"items": [{"content_type": "image/jpeg"}]}
        created = cloud.post("/v1/batches", batch, identity=ANN).json
        key = f"raw/bulk/{created['items'][0]['job']['id']}"
    else:
        key = _upload(cloud)
    cloud.store(key, PHOTO)
    assert cloud.forward_uploads([events.make_message(events.s3(BUCKET, key, len(PHOTO)))]) == []
    (message,) = cloud.receive(cloud.bulk_queue_url if is_bulk else cloud.queue_url)
    assert groups([message]) == [compute_group(f"iam:{ANN['userArn']}")]
    assert cloud.deliver([message]) == []
    assert cloud.item(key.rsplit("/", 1)[-1])["Status"]["S"] == "COMPLETED"


def _upload(cloud: Cloud) -> str:
    answer = cloud.post("/v1/uploads", {"content_type": "image/jpeg"}, identity=ANN)
    assert answer.status == 201, answer.text
    return f"raw/direct/{answer.json['id']}"


def test_an_event_of_several_objects_is_split(cloud: Cloud) -> None:
    """Each object gets a message of its own, with its own owner."""
    keys = [_upload(cloud), _upload(cloud)]
    records = [json.loads(events.s3(BUCKET, key))["Records"][0] for key in keys]
    assert cloud.forward_uploads([events.make_message(json.dumps({"Records": records}))]) == []
    bodies = sorted(message["Body"] for message in cloud.receive())
    assert bodies == sorted(json.dumps({"Records": [record]}) for record in records)


def test_only_uploads_that_were_not_forwarded_come_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQS refuses one message of a call, and forwards the others."""
    keys = [_upload(cloud) for _ in range(3)]
    messages = [events.make_message(events.s3(BUCKET, key)) for key in keys]
    send = SqsQueue.send_all

    def send_all(queue: SqsQueue, sent: Sequence[Message]) -> list[ServiceError | None]:
        refused = [keys[1] in each.body for each in sent]
        send(queue, [each for each, is_refused in zip(sent, refused, strict=True) if not is_refused])
        return [ServiceUnavailable() if is_refused else None for is_refused in refused]

    monkeypatch.setattr(SqsQueue, "send_all", send_all)
    assert cloud.forward_uploads(messages) == [messages[1]["Body"]]
    assert {json.loads(each["Body"])["Records"][0]["s3"]["object"]["key"] for each in cloud.receive()} == {
        keys[0],
        keys[2],
    }


def test_other_objects_and_test_events_are_not_forwarded(cloud: Cloud) -> None:
    """Objects that belong to no job are skipped, messages that are no events come back."""
    strange = events.make_message(events.s3(BUCKET, "raw/direct/not-an-id"))
    check = events.make_message(json.dumps({"Event": "s3:TestEvent"}))
    bad = events.make_message("who sent this?")
    assert cloud.forward_uploads([strange, check, bad]) == ["who sent this?"]
    assert cloud.receive() == []


def test_an_upload_of_a_deleted_job_is_forwarded(cloud: Cloud) -> None:
    """The worker deletes its object."""
    key = _upload(cloud)
    cloud.call("DELETE", f"/v1/jobs/{key.rsplit('/', 1)[-1]}", identity=ANN)
    cloud.store(key, PHOTO)
    assert cloud.forward_uploads([events.make_message(events.s3(BUCKET, key))]) == []
    assert cloud.deliver(cloud.receive()) == []
    stored = cloud.keys()
    assert key not in stored


def test_webhook_deliveries_are_grouped_by_receiver(cloud: Cloud) -> None:
    """Two webhooks of one owner are two tenants."""
    for name in ("one", "two"):
        answer = cloud.call(
            "PUT",
            f"/v1/webhooks/{name}",
            json.dumps({"url": "http://127.0.0.1:9/"}),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status in {200, 201}, answer.text
        job = cloud.submit(PHOTO, query={"webhook": name})
        cloud.deliver(cloud.receive())
        cloud.notify(cloud.make_stream_record(job["id"]))
    found = groups(cloud.receive(cloud.webhook_queue_url))
    assert sorted(found) == sorted(compute_group(f"{ANONYMOUS}\n{name}") for name in ("one", "two"))


def test_unreadable_changes_are_grouped_by_owner(cloud: Cloud) -> None:
    """As far as the owner can be read."""
    change = events.make_stream_record({"ID": {"S": "x"}, "Owner": {"S": "ann"}})
    cloud.notify(change, events.make_stream_record({"ID": {"S": "y"}}))
    assert sorted(groups(cloud.receive(cloud.event_dead_letter_queue_url))) == sorted(map(compute_group, ("ann", "")))


def test_fair_queues_can_be_off(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then messages have no group."""
    monkeypatch.setenv("FAIR_QUEUES", "off")
    cloud.submit(PHOTO)
    assert groups(cloud.receive()) == [""]
