"""Receivers that do not respond: pauses, deferred deliveries, and their effect on other receivers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.moto_cloud import Cloud
from support.webhook_receiver import Receiver, receiving

import notifier.deferral
import notifier.webhooks
from notifier.http_post import HttpResponse
from shared.clock import from_iso, utc_now
from shared.errors import ServiceUnavailable
from shared.webhooks.circuit import FIRST_PAUSE, GIVE_UP_AFTER, LONGEST_PAUSE, MAX_FAILURES, compute_pause
from shared.webhooks.delivery import RESUME_AGAIN_AFTER, DeliveryMessage


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a running HTTP receiver."""
    with receiving() as created:
        yield created


@pytest.fixture
def other() -> Iterator[Receiver]:
    """Return a second receiver."""
    with receiving() as created:
        yield created


def put_webhook(cloud: Cloud, url: str, name: str = "studio") -> dict[str, Any]:
    """Create or change a webhook and return it."""
    headers = {"Content-Type": "application/json"}
    answer = cloud.call("PUT", f"/v1/webhooks/{name}", json.dumps({"url": url}), headers=headers)
    assert answer.status in {200, 201}, answer.text
    found: dict[str, Any] = answer.json
    return found


def send_events(cloud: Cloud, count: int, name: str = "studio", first: int = 0) -> None:
    """Queue events for a webhook, as the notifier does."""
    for number in range(first, first + count):
        message = DeliveryMessage(
            owner="anonymous",
            webhook=name,
            event_id=f"evt_{name}_{number}",
            type="image.job.completed",
            job_id="J",
            body="{}",
        )
        cloud.clients.sqs.send_message(QueueUrl=cloud.webhook_queue_url, MessageBody=message.encode())


def set_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Advance the clock of the webhook function to ``by`` from now."""
    consumer = notifier.webhooks.get_consumer()
    moved = replace(
        consumer,
        sender=replace(consumer.sender, clock=lambda: utc_now() + by),
        deferred=replace(consumer.deferred, clock=lambda: utc_now() + by),
    )
    monkeypatch.setattr(notifier.webhooks, "get_consumer", lambda: moved)


def deliver_all(cloud: Cloud) -> None:
    """Deliver the messages of the queue, one at a time, and drop those that come back.

    One at a time, because moto lets two threads pass the same condition.
    """
    while messages := cloud.receive(cloud.webhook_queue_url):
        for message in messages:
            cloud.send_webhooks([message])
            cloud.clients.sqs.delete_message(QueueUrl=cloud.webhook_queue_url, ReceiptHandle=message["ReceiptHandle"])


def pause(cloud: Cloud, receiver: Receiver, name: str = "studio") -> None:
    """Let deliveries fail until the webhook is paused."""
    receiver.answer(500)
    put_webhook(cloud, receiver.url, name)
    send_events(cloud, MAX_FAILURES, name)
    deliver_all(cloud)


def list_deliveries(cloud: Cloud, name: str = "studio") -> list[dict[str, Any]]:
    """Return the delivery log of a webhook."""
    answer = cloud.call("GET", f"/v1/webhooks/{name}/deliveries", query={"limit": "100"})
    found: list[dict[str, Any]] = answer.json["deliveries"]
    return found


def get_webhook(cloud: Cloud, name: str = "studio") -> dict[str, Any]:
    """Return a webhook."""
    found: dict[str, Any] = cloud.call("GET", f"/v1/webhooks/{name}").json
    return found


def test_failures_in_a_row_pause_the_webhook(cloud: Cloud, receiver: Receiver) -> None:
    """Further events wait in the table: no request, no message in flight."""
    pause(cloud, receiver)
    assert get_webhook(cloud)["paused_until"] > utc_now().isoformat()
    assert len(receiver.got) == MAX_FAILURES
    send_events(cloud, 10, first=100)
    assert cloud.send_webhooks() == [], "no message comes back"
    assert len(receiver.got) == MAX_FAILURES
    waiting = [each for each in list_deliveries(cloud) if each["tries"] == 0]
    assert len(waiting) == 10
    assert {(each["state"], each["reason"]) for each in waiting} == {("WAITING", "RECEIVER_PAUSED")}


def test_a_success_in_between_does_not_pause(cloud: Cloud, receiver: Receiver) -> None:
    """Only failures in a row count."""
    put_webhook(cloud, receiver.url)
    receiver.answer(*[500] * (MAX_FAILURES - 1), 204, *[500] * (MAX_FAILURES - 1), 204)
    send_events(cloud, 2 * MAX_FAILURES)
    deliver_all(cloud)
    assert len(receiver.got) == 2 * MAX_FAILURES
    assert get_webhook(cloud)["paused_until"] is None


def test_one_probe_ends_the_pause(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the pause, one delivery is tried. Then the others follow, each exactly once."""
    pause(cloud, receiver)
    send_events(cloud, 10, first=100)
    deliver_all(cloud)
    receiver.answer(204)
    before = len(receiver.got)
    set_clock(monkeypatch, FIRST_PAUSE * 2)
    cloud.resume_webhooks()
    (probe,) = cloud.receive(cloud.webhook_queue_url)
    assert cloud.send_webhooks([probe]) == []
    assert len(receiver.got) == before + 1
    assert get_webhook(cloud)["paused_until"] is None
    cloud.resume_webhooks()
    deliver_all(cloud)
    states = {each["id"]: each["state"] for each in list_deliveries(cloud)}
    deferred = {f"evt_studio_{number}" for number in (MAX_FAILURES - 1, *range(100, 110))}
    assert {name for name, state in states.items() if state == "DELIVERED"} == deferred
    assert len(receiver.got) == before + len(deferred)
    cloud.resume_webhooks()
    assert cloud.receive(cloud.webhook_queue_url) == []


def test_only_one_delivery_is_a_probe(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that arrive right after the pause wait for the result of the probe."""
    pause(cloud, receiver)
    set_clock(monkeypatch, FIRST_PAUSE * 2)
    send_events(cloud, 3, first=100)
    deliver_all(cloud)
    assert len(receiver.got) == MAX_FAILURES + 1


def test_failed_probes_lengthen_the_pause(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to an hour."""
    pause(cloud, receiver)
    passed = timedelta()
    for number in range(3):
        passed += compute_pause(number) + timedelta(minutes=11)
        set_clock(monkeypatch, passed)
        before = utc_now() + passed - timedelta(milliseconds=1)
        cloud.resume_webhooks()
        deliver_all(cloud)
        assert len(receiver.got) == MAX_FAILURES + number + 1
        assert from_iso(get_webhook(cloud)["paused_until"]) >= before + compute_pause(number + 1)
    assert compute_pause(100) == LONGEST_PAUSE


def test_a_change_of_the_webhook_ends_the_pause(cloud: Cloud, receiver: Receiver) -> None:
    """The owner has repaired or replaced the receiver."""
    pause(cloud, receiver)
    receiver.answer(204)
    assert put_webhook(cloud, receiver.url)["paused_until"] is None
    send_events(cloud, 1, first=100)
    deliver_all(cloud)
    assert len(receiver.got) == MAX_FAILURES + 1


def test_a_dead_receiver_does_not_delay_others(
    cloud: Cloud, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deferred deliveries of a paused webhook are not in the way of those of another one."""
    pause(cloud, receiver)
    send_events(cloud, 30, first=100)
    deliver_all(cloud)
    put_webhook(cloud, other.url, "living")
    other.answer(429, 204, Retry_After="120")
    send_events(cloud, 1, "living")
    deliver_all(cloud)
    assert [each["state"] for each in list_deliveries(cloud, "living")] == ["WAITING"]
    set_clock(monkeypatch, timedelta(minutes=3))
    cloud.resume_webhooks()
    assert len(cloud.receive(cloud.webhook_queue_url)) == 2, "the probe of the one, the delivery of the other"
    deliver_all(cloud)
    assert [each["state"] for each in list_deliveries(cloud, "living")] == ["DELIVERED"]


def test_a_lost_message_is_sent_again(cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivery stays deferred until it is claimed."""
    put_webhook(cloud, receiver.url)
    receiver.answer(429, 204, Retry_After="120")
    send_events(cloud, 1)
    deliver_all(cloud)
    set_clock(monkeypatch, timedelta(minutes=3))
    cloud.resume_webhooks()
    cloud.clients.sqs.purge_queue(QueueUrl=cloud.webhook_queue_url)
    cloud.resume_webhooks()
    assert cloud.receive(cloud.webhook_queue_url) == []
    set_clock(monkeypatch, timedelta(minutes=4) + RESUME_AGAIN_AFTER)
    cloud.resume_webhooks()
    deliver_all(cloud)
    assert [each["state"] for each in list_deliveries(cloud)] == ["DELIVERED"]


def test_a_duplicate_of_a_deferred_delivery_changes_nothing(cloud: Cloud, receiver: Receiver) -> None:
    """The message is deleted, the delivery stays deferred."""
    pause(cloud, receiver)
    for _ in range(2):
        send_events(cloud, 1, first=100)
        assert cloud.send_webhooks() == []
    assert len(receiver.got) == MAX_FAILURES


def test_a_delivery_that_waits_too_long_fails(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a single try of its own."""
    pause(cloud, receiver)
    send_events(cloud, 1, first=100)
    deliver_all(cloud)
    consumer = notifier.webhooks.get_consumer()
    set_clock(monkeypatch, GIVE_UP_AFTER + timedelta(hours=1))
    webhook = consumer.sender.webhooks.get("anonymous", "studio")
    consumer.sender.webhooks.start_probe(webhook, until=utc_now() + GIVE_UP_AFTER * 2)
    send_events(cloud, 1, first=100)
    deliver_all(cloud)
    states = {each["id"]: (each["state"], each["reason"]) for each in list_deliveries(cloud)}
    assert states["evt_studio_100"] == ("FAILED", "RECEIVER_PAUSED")


def test_an_error_of_one_webhook_does_not_stop_the_others(
    cloud: Cloud, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and the webhook is looked at again a minute later."""
    for name, each in (("studio", receiver), ("living", other)):
        put_webhook(cloud, each.url, name)
        each.answer(429, 204, Retry_After="120")
        send_events(cloud, 1, name)
    deliver_all(cloud)
    set_clock(monkeypatch, timedelta(minutes=3))
    table = notifier.webhooks.get_consumer().deferred.webhooks
    get = table.get

    def fail(owner: str, name: str) -> Any:
        if name == "studio":
            raise ServiceUnavailable
        return get(owner, name)

    with monkeypatch.context() as broken:
        broken.setattr(table, "get", fail)
        cloud.resume_webhooks()
    (message,) = cloud.receive(cloud.webhook_queue_url)
    assert json.loads(message["Body"])["webhook"] == "living"


#: The try that pauses the webhook, and the ten events after it. The tries before it wait in the queue.
DEFERRED = (f"evt_studio_{MAX_FAILURES - 1}", *(f"evt_studio_{number}" for number in range(100, 110)))


def delete_webhook(cloud: Cloud) -> None:
    """Delete the webhook."""
    assert cloud.call("DELETE", "/v1/webhooks/studio").status == 204


def list_states(cloud: Cloud, receiver: Receiver) -> dict[str, tuple[str, str | None]]:
    """Create the deleted webhook again, and return state and reason of each delivery."""
    put_webhook(cloud, receiver.url)
    return {each["id"]: (each["state"], each["reason"]) for each in list_deliveries(cloud)}


def test_deferred_deliveries_of_a_deleted_webhook_end(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, on several pages, long before they are due. A replay sends one of them again."""
    monkeypatch.setattr(notifier.deferral, "PAGE_SIZE", 4)
    pause(cloud, receiver)
    send_events(cloud, 10, first=100)
    deliver_all(cloud)
    delete_webhook(cloud)
    cloud.resume_webhooks()
    assert cloud.receive(cloud.webhook_queue_url) == []
    states = list_states(cloud, receiver)
    assert {states[name] for name in DEFERRED} == {("HELD", "WEBHOOK_GONE")}
    sent = len(receiver.got)
    cloud.resume_webhooks()
    assert cloud.receive(cloud.webhook_queue_url) == []
    receiver.answer(204)
    assert cloud.call("POST", "/v1/webhooks/studio/deliveries/evt_studio_100/replay").status == 202
    deliver_all(cloud)
    assert (len(receiver.got), list_states(cloud, receiver)["evt_studio_100"][0]) == (sent + 1, "DELIVERED")


def test_a_try_that_outlives_its_webhook_ends(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It defers its delivery after the schedule has ended all others."""
    put_webhook(cloud, receiver.url)
    send_events(cloud, 1)
    consumer = notifier.webhooks.get_consumer()

    def post(*_: Any) -> HttpResponse:
        delete_webhook(cloud)
        cloud.resume_webhooks()
        return HttpResponse(status=503, retry_after=timedelta(hours=5))

    with monkeypatch.context() as patch:
        late = replace(consumer, sender=replace(consumer.sender, post=post))
        patch.setattr(notifier.webhooks, "get_consumer", lambda: late)
        assert cloud.send_webhooks() == []
    set_clock(monkeypatch, timedelta(minutes=1))
    cloud.resume_webhooks()
    assert list_states(cloud, receiver) == {"evt_studio_0": ("HELD", "WEBHOOK_GONE")}


def test_a_deleted_webhook_is_listed_until_all_its_deliveries_have_ended(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the schedule did not run, and however many runs it needs. Then it costs nothing more."""
    monkeypatch.setattr(notifier.deferral, "PAGE_SIZE", 2)
    monkeypatch.setattr(notifier.deferral, "MAX_TURNS", 1)
    pause(cloud, receiver)
    send_events(cloud, 4, first=100)
    deliver_all(cloud)
    delete_webhook(cloud)
    set_clock(monkeypatch, timedelta(days=7))
    runs = 0
    while is_listed():
        runs += 1
        cloud.resume_webhooks()
    assert runs > 2
    states = list_states(cloud, receiver)
    assert {states[name] for name in DEFERRED[:5]} == {("HELD", "WEBHOOK_GONE")}


def test_a_deleted_webhook_is_listed_while_its_tries_can_run(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try that was running at the deletion can still defer a delivery."""
    put_webhook(cloud, receiver.url)
    delete_webhook(cloud)
    for minutes, listed in ((1, True), (50, True), (70, False)):
        set_clock(monkeypatch, timedelta(minutes=minutes))
        cloud.resume_webhooks()
        assert is_listed() is listed


def is_listed() -> bool:
    """Return True if the schedule looks at a webhook."""
    deferred = notifier.webhooks.get_consumer().deferred
    return any(True for _ in deferred.webhooks.find_deferring(deferred.clock(), limit=10))


def test_deferred_deliveries_of_a_disabled_webhook_end(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in one run: a disabled webhook needs no probe."""
    pause(cloud, receiver)
    send_events(cloud, 10, first=100)
    deliver_all(cloud)
    webhooks = notifier.webhooks.get_consumer().deferred.webhooks
    webhooks.disable("anonymous", "studio", url=receiver.url, reason="for this test", now=utc_now())
    set_clock(monkeypatch, timedelta(minutes=15))
    cloud.resume_webhooks()
    assert cloud.receive(cloud.webhook_queue_url) == []
    states = {each["id"]: (each["state"], each["reason"]) for each in list_deliveries(cloud)}
    assert {states[name] for name in DEFERRED} == {("HELD", "WEBHOOK_DISABLED")}


def test_waiting_deliveries_of_a_type_that_is_no_longer_selected_end(
    cloud: Cloud, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New events of this type are not in the log. A replay of one is not sent either."""
    pause(cloud, receiver)
    send_events(cloud, 1, first=100)
    deliver_all(cloud)
    body = json.dumps({"url": receiver.url, "events": ["image.job.failed"]})
    cloud.call("PUT", "/v1/webhooks/studio", body, headers={"Content-Type": "application/json"})
    send_events(cloud, 1, first=200)
    for passed in (timedelta(minutes=15), timedelta(hours=2)):
        set_clock(monkeypatch, passed)
        cloud.resume_webhooks()
        deliver_all(cloud)
    assert cloud.call("POST", "/v1/webhooks/studio/deliveries/evt_studio_0/replay").status == 202
    set_clock(monkeypatch, timedelta(hours=3))
    deliver_all(cloud)
    states = {each["id"]: (each["state"], each["reason"]) for each in list_deliveries(cloud)}
    assert states["evt_studio_100"] == states["evt_studio_0"] == ("HELD", "EVENT_NOT_SELECTED")
    assert "evt_studio_200" not in states
    assert len(receiver.got) == MAX_FAILURES
