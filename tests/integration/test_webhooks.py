"""Webhooks on moto with a real local receiver: delivery, retries, replays, secrets."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError
from support import events, sample_images
from support.moto_cloud import Answer, Cloud
from support.webhook_receiver import Receiver, receiving

import api.dependencies
import notifier.webhooks
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.webhooks.delivery import MAX_TRIES, RETRY_DELAYS, DeliveryMessage
from shared.webhooks.webhook import SECRET_OVERLAP

OTHER = {"userArn": "arn:aws:iam::000000000000:user/somebody-else"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a running HTTP receiver."""
    with receiving() as created:
        yield created


def put_webhook(cloud: Cloud, url: str, name: str = "studio", **more: Any) -> Answer:
    """Create or change a webhook."""
    headers = {"Content-Type": "application/json"}
    return cloud.call("PUT", f"/v1/webhooks/{name}", json.dumps({"url": url, **more}), headers=headers)


def finish_job(cloud: Cloud, webhook: str = "studio", body: bytes | None = None) -> str:
    """Process a job with a webhook, notify its end and return its ID."""
    job_id: str = cloud.submit(sample_images.make_jpeg() if body is None else body, query={"webhook": webhook})["id"]
    cloud.deliver(cloud.receive())
    assert cloud.notify(cloud.make_stream_record(job_id)) == []
    return job_id


def list_deliveries(cloud: Cloud, name: str = "studio") -> list[dict[str, Any]]:
    """Return the delivery log of a webhook."""
    answer = cloud.call("GET", f"/v1/webhooks/{name}/deliveries")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["deliveries"]
    return found


def advance_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Stop the clock of the webhook sender at a distance from now."""
    consumer, then = notifier.webhooks.get_consumer(), utc_now() + by
    moved = replace(
        consumer,
        sender=replace(consumer.sender, clock=lambda: then),
        deferred=replace(consumer.deferred, clock=lambda: then),
    )
    monkeypatch.setattr(notifier.webhooks, "get_consumer", lambda: moved)


def make_message(**changes: Any) -> dict[str, Any]:
    """Return a delivery message as received from the queue."""
    created = DeliveryMessage(
        owner="anonymous", webhook="studio", event_id="evt_1", type="image.job.completed", job_id="J", body="{}"
    )
    return events.make_message(created.model_copy(update=changes).encode())


def test_secret_is_returned_once(cloud: Cloud, receiver: Receiver) -> None:
    """Only the response that creates the webhook has it."""
    created = put_webhook(cloud, receiver.url)
    assert created.status == 201
    assert created.headers["Location"].endswith("/v1/webhooks/studio")
    secret = created.json["secret"]
    assert secret.startswith("whsec_")
    again = put_webhook(cloud, receiver.url, events=["image.job.failed"])
    assert (again.status, again.json["events"]) == (200, ["image.job.failed"])
    texts = [again.text, cloud.call("GET", "/v1/webhooks").text, cloud.call("GET", "/v1/webhooks/studio").text]
    assert not [text for text in texts if secret in text or "secret" in text]


def test_event_is_delivered_and_signed(cloud: Cloud, receiver: Receiver) -> None:
    """The reference library verifies the CloudEvents envelope, and the log has the delivery."""
    secret = put_webhook(cloud, receiver.url).json["secret"]
    job_id = finish_job(cloud)
    assert cloud.call("GET", f"/v1/jobs/{job_id}").json["webhook"] == "studio"
    assert cloud.send_webhooks() == []
    (event,) = receiver.verified(secret)
    (got,) = receiver.got
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "image.job.completed", job_id)
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/cloudevents+json"
    (entry,) = list_deliveries(cloud)
    assert (entry["id"], entry["state"], entry["tries"], entry["answer"]) == (event["id"], "DELIVERED", 1, 204)
    assert (entry["job_id"], entry["next_try_at"]) == (job_id, None)


def test_job_without_webhook_sends_nothing(cloud: Cloud, receiver: Receiver) -> None:
    """Only a job that names a webhook sends to it."""
    put_webhook(cloud, receiver.url)
    job_id = cloud.submit(sample_images.make_jpeg())["id"]
    cloud.deliver(cloud.receive())
    cloud.notify(cloud.make_stream_record(job_id))
    assert cloud.receive(cloud.webhook_queue_url) == []


def test_members_use_the_webhook_of_their_batch(cloud: Cloud, receiver: Receiver) -> None:
    """Unless they name their own, whether or not they have their own pipeline."""
    put_webhook(cloud, receiver.url)
    put_webhook(cloud, receiver.url, "other")
    more: list[dict[str, Any]] = [{}, {"width": 9}, {"webhook": "other"}, {"webhook": "other", "width": 9}]
    items = [{"content_type": "image/jpeg"} | each for each in more]
    expected = ["studio", "studio", "other", "other"]
    created = cloud.post("/v1/batches", {"webhook": "studio", "items": items})
    assert created.status == 202, created.text
    added = cloud.post(f"/v1/batches/{created.json['batch']['id']}/items", {"items": items})
    for answer in (created, added):
        listed = [cloud.call("GET", f"/v1/jobs/{item['job']['id']}").json for item in answer.json["items"]]
        assert [job["webhook"] for job in listed] == expected
        assert [job["pipeline"]["operations"][0].get("width") == 9 for job in listed] == [False, True, False, True]


def test_members_of_a_backfill_use_the_webhook_of_their_batch(cloud: Cloud, receiver: Receiver) -> None:
    """Not that of the job whose image they process."""
    put_webhook(cloud, receiver.url)
    put_webhook(cloud, receiver.url, "other")
    cloud.submit(sample_images.make_jpeg(), query={"webhook": "other"})
    cloud.deliver(cloud.receive())
    batch = cloud.post("/v1/batches", {"webhook": "studio", "backfill": {}}).json["batch"]
    assert cloud.call("POST", f"/v1/batches/{batch['id']}/backfill").json["total"] == 1
    (member,) = cloud.call("GET", f"/v1/batches/{batch['id']}/items").json["items"]
    assert member["webhook"] == "studio"


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/uploads", "/v1/batches"])
def test_unknown_webhook_is_refused(path: str, cloud: Cloud) -> None:
    """When the job, upload or batch is created."""
    if path == "/v1/jobs":
        answer = cloud.call("POST", path, sample_images.make_jpeg(), query={"webhook": "nobody"})
    else:
        answer = cloud.post(
            path, {"webhook": "nobody"} | ({"content_type": "image/jpeg"} if path == "/v1/uploads" else {})
        )
    assert (answer.status, answer.json["code"]) == (422, "WEBHOOK_NOT_FOUND")
    assert answer.json["errors"][0]["pointer"] == "/webhook"


def test_duplicate_events_are_delivered_once(cloud: Cloud, receiver: Receiver) -> None:
    """Duplicates of the stream and of the queue lead to one request."""
    put_webhook(cloud, receiver.url)
    job_id = finish_job(cloud)
    cloud.notify(cloud.make_stream_record(job_id))
    messages = cloud.receive(cloud.webhook_queue_url)
    assert len(messages) == 2
    # Sequentially: unlike DynamoDB, moto lets two threads pass the same condition.
    for each in (*messages, messages[0]):
        assert cloud.send_webhooks([each]) == []
    assert len(receiver.got) == 1
    (entry,) = list_deliveries(cloud)
    assert (entry["id"], entry["tries"]) == (f"evt_{job_id}_1", 1)


def test_failed_delivery_is_retried_with_growing_delays(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 503 and a redirect, the third try delivers the event."""
    secret = put_webhook(cloud, receiver.url).json["secret"]
    receiver.answer(503, 302, 200)
    finish_job(cloud)
    advance_clock(monkeypatch, timedelta())
    messages = cloud.receive(cloud.webhook_queue_url)
    assert cloud.send_webhooks(messages)
    (entry,) = list_deliveries(cloud)
    assert (entry["state"], entry["answer"], entry["tries"]) == ("WAITING", 503, 1)
    assert cloud.send_webhooks(messages), "too early: the message stays in the queue"
    assert len(receiver.got) == 1
    advance_clock(monkeypatch, RETRY_DELAYS[0] * 2)
    assert cloud.send_webhooks(messages)
    advance_clock(monkeypatch, (RETRY_DELAYS[0] + RETRY_DELAYS[1]) * 2)
    assert cloud.send_webhooks(messages) == []
    (entry,) = list_deliveries(cloud)
    assert (entry["state"], entry["answer"], entry["tries"]) == ("DELIVERED", 200, 3)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len(receiver.got) == 3
    assert len(receiver.verified(secret)) == 3


def test_retry_after_delays_the_next_try(cloud: Cloud, receiver: Receiver) -> None:
    """With 429 and 503, within limits."""
    put_webhook(cloud, receiver.url)
    receiver.answer(429, Retry_After="1800")
    finish_job(cloud)
    cloud.send_webhooks()
    (entry,) = list_deliveries(cloud)
    assert entry["next_try_at"] > (utc_now() + timedelta(minutes=29)).isoformat()
    assert entry["next_try_at"] < (utc_now() + timedelta(minutes=31)).isoformat()


def test_delivery_fails_after_the_last_try(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has the state FAILED."""
    put_webhook(cloud, receiver.url)
    receiver.answer(500)
    finish_job(cloud)
    messages = cloud.receive(cloud.webhook_queue_url)
    by = timedelta()
    for delay in (*RETRY_DELAYS, RETRY_DELAYS[-1]):
        is_in_queue = bool(cloud.send_webhooks(messages))
        # Longer than the delay with its jitter, and than every pause.
        by += max(delay * 1.3, timedelta(minutes=70))
        advance_clock(monkeypatch, by)
        cloud.resume_webhooks()
        if not is_in_queue:
            messages = cloud.receive(cloud.webhook_queue_url)
    assert messages == []
    (entry,) = list_deliveries(cloud)
    assert (entry["state"], entry["tries"], entry["answer"]) == ("FAILED", MAX_TRIES, 500)
    assert len(receiver.got) == MAX_TRIES


def test_410_disables_the_webhook(cloud: Cloud, receiver: Receiver) -> None:
    """Further events are held until the owner writes the webhook again."""
    put_webhook(cloud, receiver.url)
    receiver.answer(410)
    finish_job(cloud)
    assert cloud.send_webhooks() == []
    assert cloud.call("GET", "/v1/webhooks/studio").json["disabled"]
    second = finish_job(cloud)
    assert cloud.send_webhooks() == []
    assert len(receiver.got) == 1
    states = {entry["job_id"]: (entry["state"], entry["reason"]) for entry in list_deliveries(cloud)}
    assert states[second] == ("HELD", "WEBHOOK_DISABLED")
    receiver.answer(204)
    assert put_webhook(cloud, receiver.url).json["disabled"] is None
    assert cloud.call("POST", f"/v1/webhooks/studio/deliveries/evt_{second}_1/replay").status == 202
    assert cloud.send_webhooks() == []
    assert {entry["job_id"]: entry["state"] for entry in list_deliveries(cloud)}[second] == "DELIVERED"


def test_replay_repeats_the_event(cloud: Cloud, receiver: Receiver) -> None:
    """With the same ID and body; a late duplicate of the first delivery changes nothing."""
    secret = put_webhook(cloud, receiver.url).json["secret"]
    job_id = finish_job(cloud)
    first = cloud.receive(cloud.webhook_queue_url)
    cloud.send_webhooks(first)
    answer = cloud.call("POST", f"/v1/webhooks/studio/deliveries/evt_{job_id}_1/replay")
    assert (answer.status, answer.json["state"], answer.json["replays"]) == (202, "WAITING", 1)
    assert cloud.send_webhooks([events.make_message(first[0]["Body"])]) == [], (
        "a duplicate of the first delivery: nothing to do"
    )
    assert len(receiver.got) == 1
    assert cloud.send_webhooks() == []
    one, two = receiver.verified(secret)
    assert one == two
    assert receiver.got[0].body == receiver.got[1].body
    (entry,) = list_deliveries(cloud)
    assert (entry["state"], entry["replays"], entry["tries"]) == ("DELIVERED", 1, 1)


def test_both_secrets_sign_for_a_day_after_rotation(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After that day, only the new secret does."""
    old = put_webhook(cloud, receiver.url).json["secret"]
    rotated = cloud.call("POST", "/v1/webhooks/studio/secret")
    assert rotated.status == 200
    new = rotated.json["secret"]
    finish_job(cloud)
    cloud.send_webhooks()
    assert receiver.verified(new) == receiver.verified(old)
    receiver.got.clear()
    finish_job(cloud)
    get = WebhookSecrets.get
    monkeypatch.setattr(
        WebhookSecrets, "get", lambda table, owner, name, now: get(table, owner, name, now + SECRET_OVERLAP)
    )
    cloud.send_webhooks()
    assert receiver.verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(old)


def test_crash_after_sending_repeats_the_delivery(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: both requests have the same ID, and the log has one entry."""
    put_webhook(cloud, receiver.url)
    finish_job(cloud)
    advance_clock(monkeypatch, timedelta())
    messages = cloud.receive(cloud.webhook_queue_url)
    deliveries = type(notifier.webhooks.get_consumer().sender.deliveries)
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "finish", lambda *_: (_ for _ in ()).throw(ServiceUnavailable))
        assert cloud.send_webhooks(messages)
    assert cloud.send_webhooks(messages), "the lease of the crashed try is still valid"
    assert len(receiver.got) == 1
    advance_clock(monkeypatch, timedelta(minutes=2))
    assert cloud.send_webhooks(messages) == []
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert [entry["state"] for entry in list_deliveries(cloud)] == ["DELIVERED"]


def test_event_filter_is_applied(cloud: Cloud, receiver: Receiver) -> None:
    """A webhook for failures gets no completions, and its log has none."""
    put_webhook(cloud, receiver.url, events=["image.job.failed"])
    finish_job(cloud)
    failed = finish_job(cloud, body=sample_images.make_jpeg()[:200])
    assert cloud.send_webhooks() == []
    assert [json.loads(got.body)["subject"] for got in receiver.got] == [failed]
    assert [entry["job_id"] for entry in list_deliveries(cloud)] == [failed]


def test_deleted_webhook_gets_nothing(cloud: Cloud, receiver: Receiver) -> None:
    """Waiting events are dropped, and its secret is deleted."""
    put_webhook(cloud, receiver.url)
    finish_job(cloud)
    assert cloud.call("DELETE", "/v1/webhooks/studio").status == 204
    assert cloud.send_webhooks() == []
    assert not receiver.got
    assert cloud.clients.dynamodb.scan(TableName="WebhookSecrets")["Count"] == 0
    assert cloud.call("GET", "/v1/webhooks/studio").status == 404
    assert cloud.call("DELETE", "/v1/webhooks/studio").status == 404


def test_webhooks_of_others_are_not_found(cloud: Cloud, receiver: Receiver) -> None:
    """Every request of another caller gets 404."""
    put_webhook(cloud, receiver.url)
    job_id = finish_job(cloud)
    cloud.send_webhooks()
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/secret"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/evt_{job_id}_1/replay"),
    ):
        assert cloud.call(method, f"/v1/webhooks/studio{path}", identity=OTHER).status == 404, path
    assert cloud.call("GET", "/v1/webhooks", identity=OTHER).json["webhooks"] == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/",
            "https://10.1.2.3/",
        ),
        *("https://example.org:22/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::7f00:1]/", "ftp://example.org/"),
    ],
)
def test_internal_addresses_are_refused_on_aws(url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With WEBHOOK_TARGETS=public, internal URLs are not stored."""
    monkeypatch.setenv("WEBHOOK_TARGETS", "public")
    api.dependencies.get_dependencies.cache_clear()
    answer = put_webhook(cloud, url)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/url")


def test_hosts_that_resolve_to_internal_addresses_are_not_called(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With WEBHOOK_TARGETS=public, the log has the reason."""
    put_webhook(cloud, receiver.url.replace("127.0.0.1", "localhost"))
    finish_job(cloud)
    monkeypatch.setenv("WEBHOOK_TARGETS", "public")
    notifier.webhooks.get_consumer.cache_clear()
    assert cloud.send_webhooks()
    assert not receiver.got
    (entry,) = list_deliveries(cloud)
    assert (entry["state"], entry["answer"], entry["reason"]) == ("WAITING", None, "ADDRESS_NOT_ALLOWED")


def test_webhooks_need_notifications(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without notifications, webhooks and jobs with one are refused."""
    monkeypatch.setenv("NOTIFICATIONS", "off")
    api.dependencies.get_dependencies.cache_clear()
    assert put_webhook(cloud, "https://example.org/").json["code"] == "NOTIFICATIONS_OFF"
    answer = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), query={"webhook": "studio"})
    assert (answer.status, answer.json["code"]) == (409, "NOTIFICATIONS_OFF")


def test_webhooks_and_deliveries_are_listed_in_pages(cloud: Cloud, receiver: Receiver) -> None:
    """Each exactly once."""
    for name in ("a", "b", "c"):
        put_webhook(cloud, receiver.url, name)
    first = cloud.call("GET", "/v1/webhooks", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/webhooks", query={"cursor": first["next_cursor"]}).json
    assert [each["name"] for page in (first, rest) for each in page["webhooks"]] == ["a", "b", "c"]
    cloud.send_webhooks([make_message(webhook="a", event_id=f"evt_{each}") for each in range(3)])
    first = cloud.call("GET", "/v1/webhooks/a/deliveries", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/webhooks/a/deliveries", query={"cursor": first["next_cursor"]}).json
    assert [each["id"] for page in (first, rest) for each in page["deliveries"]] == ["evt_2", "evt_1", "evt_0"]
    assert cloud.call("GET", "/v1/webhooks/a/deliveries", query={"cursor": "x#y"}).json["code"] == "BAD_CURSOR"


def test_retry_keeps_the_webhook(cloud: Cloud, receiver: Receiver) -> None:
    """A retry cannot choose another one."""
    put_webhook(cloud, receiver.url)
    job_id = finish_job(cloud, body=sample_images.make_jpeg()[:200])
    refused = cloud.post(f"/v1/jobs/{job_id}/retry", {"webhook": "studio"})
    assert refused.json["errors"][0]["pointer"] == "/webhook"
    assert cloud.post(f"/v1/jobs/{job_id}/retry", {}).json["webhook"] == "studio"


def test_logs_have_no_secrets_or_addresses(
    cloud: Cloud, receiver: Receiver, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Nor signatures, for deliveries that succeed and that fail."""
    secret = put_webhook(cloud, receiver.url).json["secret"]
    receiver.answer(500, 410)
    new = cloud.call("POST", "/v1/webhooks/studio/secret").json["secret"]
    finish_job(cloud)
    cloud.send_webhooks()
    finish_job(cloud)
    cloud.send_webhooks()
    signatures = [part.split(",")[1] for got in receiver.got for part in got.headers["webhook-signature"].split()]
    out = capsys.readouterr()
    logged = out.out + out.err + caplog.text
    assert "Webhook tried" in logged
    assert receiver.got
    for hidden in (secret, new, receiver.url, "/hook", *signatures):
        assert hidden.removeprefix("whsec_") not in logged


def test_unreadable_message_stays_in_the_queue(cloud: Cloud) -> None:
    """The other messages of the batch are processed."""
    assert cloud.send_webhooks([events.make_message("who sent this?"), make_message(webhook="gone")]) == [
        "who sent this?"
    ]
