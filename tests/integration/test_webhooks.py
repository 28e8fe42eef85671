"""Webhooks on moto, with a real receiver on this machine: kept, told, tried again, disabled, replayed."""

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
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.webhooks.delivery import MAX_TRIES, RETRY_DELAYS, DeliveryMessage
from shared.webhooks.webhook import SECRET_OVERLAP

OTHER = {"userArn": "arn:aws:iam::000000000000:user/somebody-else"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    with receiving() as made:
        yield made


def put(cloud: Cloud, url: str, name: str = "studio", **more: Any) -> Answer:
    """Create or change a webhook."""
    headers = {"Content-Type": "application/json"}
    return cloud.call("PUT", f"/v1/webhooks/{name}", json.dumps({"url": url, **more}), headers=headers)


def ended(cloud: Cloud, webhook: str = "studio", body: bytes | None = None) -> str:
    """Let a job with a webhook come to its end, and let the notifier hear of it; return its ID."""
    job_id: str = cloud.submit(sample_images.jpeg() if body is None else body, query={"webhook": webhook})["id"]
    cloud.deliver(cloud.receive())
    assert cloud.notify(cloud.change(job_id)) == []
    return job_id


def log(cloud: Cloud, name: str = "studio") -> list[dict[str, Any]]:
    """Read the log of a webhook."""
    answer = cloud.call("GET", f"/v1/webhooks/{name}/deliveries")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["deliveries"]
    return found


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let the function that sends live in the future."""
    consumer = notifier.webhooks.get_consumer()
    moved = replace(consumer, sender=replace(consumer.sender, clock=lambda: utc_now() + by))
    monkeypatch.setattr(notifier.webhooks, "get_consumer", lambda: moved)


def message(**changes: Any) -> dict[str, Any]:
    """Return a message as the queue hands it out."""
    made = DeliveryMessage(
        owner="anonymous", webhook="studio", event_id="evt_1", type="image.job.completed", job_id="J", body="{}"
    )
    return events.received(made.model_copy(update=changes).encode())


def test_the_secret_is_shown_once(cloud: Cloud, receiver: Receiver) -> None:
    """A new webhook comes with its secret; no later answer has it."""
    made = put(cloud, receiver.url)
    assert made.status == 201
    assert made.headers["Location"].endswith("/v1/webhooks/studio")
    secret = made.json["secret"]
    assert secret.startswith("whsec_")
    again = put(cloud, receiver.url, events=["image.job.failed"])
    assert (again.status, again.json["events"]) == (200, ["image.job.failed"])
    texts = [again.text, cloud.call("GET", "/v1/webhooks").text, cloud.call("GET", "/v1/webhooks/studio").text]
    assert not [text for text in texts if secret in text or "secret" in text]


def test_the_end_of_a_job_is_delivered_and_signed(cloud: Cloud, receiver: Receiver) -> None:
    """What arrives is verified by the reference implementation, is a CloudEvents envelope, and stands in the log."""
    secret = put(cloud, receiver.url).json["secret"]
    job_id = ended(cloud)
    assert cloud.call("GET", f"/v1/jobs/{job_id}").json["webhook"] == "studio"
    assert cloud.send_webhooks() == []
    (event,) = receiver.verified(secret)
    (got,) = receiver.got
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "image.job.completed", job_id)
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/cloudevents+json"
    (entry,) = log(cloud)
    assert (entry["id"], entry["state"], entry["tries"], entry["answer"]) == (event["id"], "DELIVERED", 1, 204)
    assert (entry["job_id"], entry["next_try_at"]) == (job_id, None)


def test_a_job_without_webhook_tells_none(cloud: Cloud, receiver: Receiver) -> None:
    """Having a webhook is not enough: a job names it."""
    put(cloud, receiver.url)
    job_id = cloud.submit(sample_images.jpeg())["id"]
    cloud.deliver(cloud.receive())
    cloud.notify(cloud.change(job_id))
    assert cloud.receive(cloud.webhook_queue_url) == []


def test_members_tell_the_webhook_of_their_batch(cloud: Cloud, receiver: Receiver) -> None:
    """A batch names a webhook for its members; one that names its own has that."""
    put(cloud, receiver.url)
    put(cloud, receiver.url, "other")
    items = [{"content_type": "image/jpeg"}, {"content_type": "image/jpeg", "webhook": "other", "width": 9}]
    made = cloud.post("/v1/batches", {"webhook": "studio", "items": items})
    assert made.status == 202, made.text
    listed = [cloud.call("GET", f"/v1/jobs/{item['job']['id']}").json for item in made.json["items"]]
    assert sorted(job["webhook"] for job in listed) == ["other", "studio"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/uploads", "/v1/batches"])
def test_an_unknown_webhook_is_refused(path: str, cloud: Cloud) -> None:
    """Whoever names a webhook that is not there learns it at once, not when the job has ended."""
    if path == "/v1/jobs":
        answer = cloud.call("POST", path, sample_images.jpeg(), query={"webhook": "nobody"})
    else:
        answer = cloud.post(
            path, {"webhook": "nobody"} | ({"content_type": "image/jpeg"} if path == "/v1/uploads" else {})
        )
    assert (answer.status, answer.json["code"]) == (422, "WEBHOOK_NOT_FOUND")
    assert answer.json["errors"][0]["pointer"] == "/webhook"


def test_duplicates_are_one_delivery(cloud: Cloud, receiver: Receiver) -> None:
    """The stream tells twice, the queue delivers twice: the receiver gets one request."""
    put(cloud, receiver.url)
    job_id = ended(cloud)
    cloud.notify(cloud.change(job_id))
    messages = cloud.receive(cloud.webhook_queue_url)
    assert len(messages) == 2
    # One after the other: unlike DynamoDB, moto lets two threads pass the same condition.
    for each in (*messages, messages[0]):
        assert cloud.send_webhooks([each]) == []
    assert len(receiver.got) == 1
    (entry,) = log(cloud)
    assert (entry["id"], entry["tries"]) == (f"evt_{job_id}_1", 1)


def test_a_receiver_that_is_down_for_a_while_is_told_later(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, then a redirect, then 200: the message comes back, each time later, and is delivered once."""
    secret = put(cloud, receiver.url).json["secret"]
    receiver.answer(503, 302, 200)
    ended(cloud)
    waiting = cloud.receive(cloud.webhook_queue_url)
    assert cloud.send_webhooks(waiting)
    (entry,) = log(cloud)
    assert (entry["state"], entry["answer"], entry["tries"]) == ("WAITING", 503, 1)
    assert cloud.send_webhooks(waiting), "too early: it waits on, and nobody is bothered"
    assert len(receiver.got) == 1
    later(monkeypatch, RETRY_DELAYS[0] * 2)
    assert cloud.send_webhooks(waiting)
    later(monkeypatch, (RETRY_DELAYS[0] + RETRY_DELAYS[1]) * 2)
    assert cloud.send_webhooks(waiting) == []
    (entry,) = log(cloud)
    assert (entry["state"], entry["answer"], entry["tries"]) == ("DELIVERED", 200, 3)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len(receiver.got) == 3
    assert len(receiver.verified(secret)) == 3


def test_the_receiver_says_when(cloud: Cloud, receiver: Receiver) -> None:
    """`Retry-After` with 429 or 503 makes the pause longer, within bounds."""
    put(cloud, receiver.url)
    receiver.answer(429, Retry_After="1800")
    ended(cloud)
    cloud.send_webhooks()
    (entry,) = log(cloud)
    assert entry["next_try_at"] > (utc_now() + timedelta(minutes=29)).isoformat()
    assert entry["next_try_at"] < (utc_now() + timedelta(minutes=31)).isoformat()


def test_tries_come_to_an_end(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that never takes it is left after a bounded number of tries, and the log says so."""
    put(cloud, receiver.url)
    receiver.answer(500)
    ended(cloud)
    waiting = cloud.receive(cloud.webhook_queue_url)
    by = timedelta()
    for _ in range(MAX_TRIES - 1):
        assert cloud.send_webhooks(waiting)
        by += timedelta(hours=13)
        later(monkeypatch, by)
    assert cloud.send_webhooks(waiting) == []
    (entry,) = log(cloud)
    assert (entry["state"], entry["tries"], entry["answer"]) == ("FAILED", MAX_TRIES, 500)
    assert len(receiver.got) == MAX_TRIES


def test_gone_disables(cloud: Cloud, receiver: Receiver) -> None:
    """A receiver that answers 410 gets nothing more, until its owner writes the webhook anew."""
    put(cloud, receiver.url)
    receiver.answer(410)
    ended(cloud)
    assert cloud.send_webhooks() == []
    assert cloud.call("GET", "/v1/webhooks/studio").json["disabled"]
    second = ended(cloud)
    assert cloud.send_webhooks() == []
    assert len(receiver.got) == 1
    states = {entry["job_id"]: (entry["state"], entry["reason"]) for entry in log(cloud)}
    assert states[second] == ("HELD", "WEBHOOK_DISABLED")
    receiver.answer(204)
    assert put(cloud, receiver.url).json["disabled"] is None
    assert cloud.call("POST", f"/v1/webhooks/studio/deliveries/evt_{second}_1/replay").status == 202
    assert cloud.send_webhooks() == []
    assert {entry["job_id"]: entry["state"] for entry in log(cloud)}[second] == "DELIVERED"


def test_a_replay_sends_the_same_again(cloud: Cloud, receiver: Receiver) -> None:
    """The same ID and body, a new moment and signature; and a late duplicate of the first round changes nothing."""
    secret = put(cloud, receiver.url).json["secret"]
    job_id = ended(cloud)
    first = cloud.receive(cloud.webhook_queue_url)
    cloud.send_webhooks(first)
    answer = cloud.call("POST", f"/v1/webhooks/studio/deliveries/evt_{job_id}_1/replay")
    assert (answer.status, answer.json["state"], answer.json["replays"]) == (202, "WAITING", 1)
    assert cloud.send_webhooks([events.received(first[0]["Body"])]) == [], "of the round before: nothing to do"
    assert len(receiver.got) == 1
    assert cloud.send_webhooks() == []
    one, two = receiver.verified(secret)
    assert one == two
    assert receiver.got[0].body == receiver.got[1].body
    (entry,) = log(cloud)
    assert (entry["state"], entry["replays"], entry["tries"]) == ("DELIVERED", 1, 1)


def test_both_secrets_sign_for_a_day(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a rotation the old secret verifies too, and after a day no more."""
    old = put(cloud, receiver.url).json["secret"]
    turned = cloud.call("POST", "/v1/webhooks/studio/secret")
    assert turned.status == 200
    new = turned.json["secret"]
    ended(cloud)
    cloud.send_webhooks()
    assert receiver.verified(new) == receiver.verified(old)
    receiver.got.clear()
    ended(cloud)
    read = WebhookSecrets.get
    monkeypatch.setattr(WebhookSecrets, "get", lambda table, owner, name, now: read(table, owner, name, now + SECRET_OVERLAP))
    cloud.send_webhooks()
    assert receiver.verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(old)


def test_a_death_between_sending_and_writing_down_sends_twice(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: the receiver knows the second by its ID, and the log has one entry."""
    put(cloud, receiver.url)
    ended(cloud)
    waiting = cloud.receive(cloud.webhook_queue_url)
    deliveries = type(notifier.webhooks.get_consumer().sender.deliveries)
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "finish", lambda *_: (_ for _ in ()).throw(ServiceUnavailable))
        assert cloud.send_webhooks(waiting)
    assert cloud.send_webhooks(waiting), "the lease of the try that died still runs"
    assert len(receiver.got) == 1
    later(monkeypatch, timedelta(minutes=2))
    assert cloud.send_webhooks(waiting) == []
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert [entry["state"] for entry in log(cloud)] == ["DELIVERED"]


def test_only_what_is_wanted_is_sent(cloud: Cloud, receiver: Receiver) -> None:
    """A webhook for failures hears of no success, and its log has none."""
    put(cloud, receiver.url, events=["image.job.failed"])
    ended(cloud)
    failed = ended(cloud, body=sample_images.jpeg()[:200])
    assert cloud.send_webhooks() == []
    assert [json.loads(got.body)["subject"] for got in receiver.got] == [failed]
    assert [entry["job_id"] for entry in log(cloud)] == [failed]


def test_a_deleted_webhook_is_not_told(cloud: Cloud, receiver: Receiver) -> None:
    """What waited for it is not sent, and its secret is gone with it."""
    put(cloud, receiver.url)
    ended(cloud)
    assert cloud.call("DELETE", "/v1/webhooks/studio").status == 204
    assert cloud.send_webhooks() == []
    assert not receiver.got
    assert cloud.clients.dynamodb.scan(TableName="WebhookSecrets")["Count"] == 0
    assert cloud.call("GET", "/v1/webhooks/studio").status == 404
    assert cloud.call("DELETE", "/v1/webhooks/studio").status == 404


def test_webhooks_of_others_do_not_exist(cloud: Cloud, receiver: Receiver) -> None:
    """Neither read nor log nor secret nor replay: 404 for everybody but the owner."""
    put(cloud, receiver.url)
    job_id = ended(cloud)
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
def test_internal_addresses_are_not_kept_on_aws(url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only public hosts are allowed, what is plainly internal is refused when it is written down."""
    monkeypatch.setenv("WEBHOOK_TARGETS", "public")
    api.dependencies.get_dependencies.cache_clear()
    answer = put(cloud, url)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/url")


def test_internal_hosts_are_not_called_on_aws(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads inside gets nothing, however it came to be kept; the log names why."""
    put(cloud, receiver.url.replace("127.0.0.1", "localhost"))
    ended(cloud)
    monkeypatch.setenv("WEBHOOK_TARGETS", "public")
    notifier.webhooks.get_consumer.cache_clear()
    assert cloud.send_webhooks()
    assert not receiver.got
    (entry,) = log(cloud)
    assert (entry["state"], entry["answer"], entry["reason"]) == ("WAITING", None, "ADDRESS_NOT_ALLOWED")


def test_where_nobody_is_told_no_webhook_can_be_made(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without notifications neither a webhook nor a job with one is taken: it would never be told."""
    monkeypatch.setenv("NOTIFICATIONS", "off")
    api.dependencies.get_dependencies.cache_clear()
    assert put(cloud, "https://example.org/").json["code"] == "NOTIFICATIONS_OFF"
    answer = cloud.call("POST", "/v1/jobs", sample_images.jpeg(), query={"webhook": "studio"})
    assert (answer.status, answer.json["code"]) == (409, "NOTIFICATIONS_OFF")


def test_pages_follow_each_other(cloud: Cloud, receiver: Receiver) -> None:
    """Webhooks and deliveries are listed page by page, each once."""
    for name in ("a", "b", "c"):
        put(cloud, receiver.url, name)
    first = cloud.call("GET", "/v1/webhooks", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/webhooks", query={"cursor": first["next_cursor"]}).json
    assert [each["name"] for page in (first, rest) for each in page["webhooks"]] == ["a", "b", "c"]
    cloud.send_webhooks([message(webhook="a", event_id=f"evt_{each}") for each in range(3)])
    first = cloud.call("GET", "/v1/webhooks/a/deliveries", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/webhooks/a/deliveries", query={"cursor": first["next_cursor"]}).json
    assert [each["id"] for page in (first, rest) for each in page["deliveries"]] == ["evt_2", "evt_1", "evt_0"]
    assert cloud.call("GET", "/v1/webhooks/a/deliveries", query={"cursor": "x#y"}).json["code"] == "BAD_CURSOR"


def test_a_retry_keeps_its_webhook(cloud: Cloud, receiver: Receiver) -> None:
    """A job that begins again tells the same webhook, and can't be given another one."""
    put(cloud, receiver.url)
    job_id = ended(cloud, body=sample_images.jpeg()[:200])
    refused = cloud.post(f"/v1/jobs/{job_id}/retry", {"webhook": "studio"})
    assert refused.json["errors"][0]["pointer"] == "/webhook"
    assert cloud.post(f"/v1/jobs/{job_id}/retry", {}).json["webhook"] == "studio"


def test_secrets_and_addresses_stay_out_of_the_logs(
    cloud: Cloud, receiver: Receiver, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happens to a webhook, no line of any function has a secret, a signature or the receiver's address."""
    secret = put(cloud, receiver.url).json["secret"]
    receiver.answer(500, 410)
    new = cloud.call("POST", "/v1/webhooks/studio/secret").json["secret"]
    ended(cloud)
    cloud.send_webhooks()
    ended(cloud)
    cloud.send_webhooks()
    signatures = [part.split(",")[1] for got in receiver.got for part in got.headers["webhook-signature"].split()]
    out = capsys.readouterr()
    told = out.out + out.err + caplog.text
    assert "Webhook tried" in told
    assert receiver.got
    for hidden in (secret, new, receiver.url, "/hook", *signatures):
        assert hidden.removeprefix("whsec_") not in told


def test_a_message_that_is_none_goes_the_way_of_dead_letters(cloud: Cloud) -> None:
    """What nobody can read comes back until the queue sets it aside; its neighbours are not held up."""
    assert cloud.send_webhooks([events.received("who sent this?"), message(webhook="gone")]) == ["who sent this?"]
