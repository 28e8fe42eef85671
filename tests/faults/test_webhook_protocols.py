"""Webhooks: which delivery is tried, what a pause changes, and which results count.

On the doubles of AWS, through the real tables and the real sender. Only the HTTP request and the clock are doubles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from faults.simulator.stage import MINUTE, Stage
from support.sample_jobs import NOW

from notifier.deferral import PAGE_SIZE, DeferredDeliveries
from notifier.delivery import DELIVERY_LEASE, DeliveryResult, WebhookSender
from notifier.http_post import HttpResponse
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.errors import DeliveryNotFound, ServiceUnavailable, WebhookNotFound
from shared.webhooks.circuit import FIRST_PAUSE, GIVE_UP_AFTER, LONGEST_PAUSE, MAX_FAILURES, compute_pause
from shared.webhooks.delivery import RESUME_AGAIN_AFTER, Delivery, DeliveryMessage, DeliveryState
from shared.webhooks.webhook import Webhook

OWNER, URL, TYPE = "ann", "https://example.com/a", "image.job.completed"
SECOND = timedelta(seconds=1)


@dataclass
class Shop:
    """A webhook function with a receiver that answers as told."""

    stage: Stage
    now: datetime = NOW
    status: int = 500
    retry_after: timedelta | None = None
    #: Events whose messages are handled while the receiver has not answered.
    meanwhile: list[str] = field(default_factory=list)
    #: Names of the events that the receiver got.
    got: list[str] = field(default_factory=list)
    #: Messages that were sent about deferred deliveries.
    sent: list[DeliveryMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        client = self.stage.jobs._client
        self.webhooks = WebhookTable(client, "WebhookTable")
        self.secrets = WebhookSecrets(client, "WebhookSecretTable")
        self.deliveries = DeliveryTable(client, "WebhookTable")
        self.sender = WebhookSender(
            self.webhooks, self.secrets, self.deliveries, self.post, lambda: self.now, lambda: 0.5
        )
        queue: Any = SimpleNamespace(
            send=lambda body, tenant: self.sent.append(DeliveryMessage.model_validate_json(body))  # noqa: ARG005
        )
        logger = Logger(service="test", level="CRITICAL")
        self.deferred = DeferredDeliveries(self.webhooks, self.deliveries, queue, lambda: self.now, logger)

    def post(self, _: str, headers: Mapping[str, str], __: bytes) -> HttpResponse:
        """Receive an event."""
        self.got.append(headers["webhook-id"].removeprefix("evt_"))
        while self.meanwhile:
            self.deliver(self.meanwhile.pop())
        return HttpResponse(self.status, retry_after=self.retry_after)

    def add(self, name: str = "shop", url: str = URL) -> Webhook:
        """Create a webhook."""
        webhook = Webhook(owner=OWNER, name=name, url=url, events=(TYPE,), created_at=self.now, updated_at=self.now)
        assert self.webhooks.create(webhook, "whsec_" + "A" * 32, self.secrets)
        return webhook

    def message(self, event: str, name: str = "shop") -> DeliveryMessage:
        """Return the first message about an event."""
        return DeliveryMessage(owner=OWNER, webhook=name, event_id=f"evt_{event}", type=TYPE, job_id="J", body="{}")

    def deliver(self, event: str, name: str = "shop") -> DeliveryResult:
        """Handle the message about an event."""
        return self.sender.deliver(self.message(event, name))

    def find(self, event: str, name: str = "shop") -> Delivery:
        """Return a stored delivery."""
        return self.deliveries.find(OWNER, name, f"evt_{event}")

    def pause(self, name: str = "shop") -> datetime:
        """Let tries fail until the webhook is paused. Return the end of the pause."""
        for number in range(MAX_FAILURES):
            self.deliver(f"failed{number}", name)
        until = self.webhooks.get(OWNER, name).paused_until
        assert until is not None
        return until

    def resume(self) -> list[str]:
        """Send messages about deferred deliveries that are due. Return the names of their events."""
        before = len(self.sent)
        context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
        assert self.deferred.resume(context).sent == len(self.sent) - before
        return [message.event_id.removeprefix("evt_") for message in self.sent[before:]]


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """Return a webhook function with one webhook."""
    made = Shop(stage)
    made.add()
    return made


def test_the_last_of_some_failures_in_a_row_pauses_a_webhook(shop: Shop) -> None:
    """Not an earlier one. A success in between starts the count again."""
    for number in range(MAX_FAILURES - 1):
        assert not shop.deliver(f"a{number}").has_paused
    shop.status = 204
    assert not shop.deliver("b").has_paused
    assert shop.webhooks.get(OWNER, "shop").failures == 0
    shop.status = 500
    for number in range(MAX_FAILURES - 1):
        assert not shop.deliver(f"c{number}").has_paused
    last = shop.deliver("d")
    assert (last.has_paused, last.retry_in) == (True, None)
    stored = shop.find("d")
    assert stored.resume_at == stored.due_at == shop.now + FIRST_PAUSE


def test_a_paused_webhook_gets_nothing(shop: Shop) -> None:
    """Its deliveries wait in the table; a second message changes nothing, and no message stays in the queue."""
    until = shop.pause()
    shop.now = until - SECOND
    got = len(shop.got)
    for _ in range(2):
        result = shop.deliver("new")
        assert (result.was_sent, result.retry_in) == (False, None)
    stored = shop.find("new")
    assert (stored.state, stored.tries, stored.resume_at) == (DeliveryState.WAITING, 0, until)
    assert len(shop.got) == got
    assert shop.resume() == []


def test_one_probe_follows_a_pause(shop: Shop) -> None:
    """All others that are due wait for its result. Its success lets all others follow, each once."""
    until = shop.pause()
    for number in range(3):
        shop.deliver(f"new{number}")
    shop.now = until + MINUTE
    (probe,) = shop.resume()
    webhook = shop.webhooks.get(OWNER, "shop")
    got = len(shop.got)
    shop.status, shop.meanwhile = 204, ["new0", "new1"]
    shop.deliver(probe)
    assert shop.got[got:] == [probe]
    assert shop.find(probe).state is DeliveryState.DELIVERED
    assert shop.webhooks.get(OWNER, "shop").paused_until is None
    assert not shop.webhooks.start_probe(webhook, until=shop.now + DELIVERY_LEASE), "it has changed since it was read"
    shop.now += RESUME_AGAIN_AFTER + MINUTE
    waiting = shop.resume()
    assert len(waiting) == len(set(waiting)) == 3
    for event in waiting:
        shop.deliver(event)
    shop.now += RESUME_AGAIN_AFTER + MINUTE
    assert shop.resume() == []


def test_a_failed_probe_doubles_the_pause(shop: Shop) -> None:
    """Of several failures at the same time, one counts. A pause lasts at most an hour."""
    until = shop.pause()
    webhook = shop.webhooks.get(OWNER, "shop")
    shop.now = until
    assert shop.webhooks.record_failure(webhook, shop.now) == shop.now + 2 * FIRST_PAUSE
    shop.webhooks.record_failure(webhook, shop.now + SECOND)
    paused = shop.webhooks.get(OWNER, "shop")
    assert (paused.pauses, paused.paused_until) == (2, shop.now + 2 * FIRST_PAUSE)
    assert compute_pause(100) == LONGEST_PAUSE


def test_a_change_ends_a_pause_and_enables_a_webhook(shop: Shop) -> None:
    """The owner has repaired it. A change of the URL also makes the old receiver's 410 meaningless."""
    shop.pause()
    shop.webhooks.change(OWNER, "shop", url=URL + "b", events=(TYPE,), now=shop.now)
    changed = shop.webhooks.get(OWNER, "shop")
    assert (changed.failures, changed.pauses, changed.paused_until) == (0, 0, None)
    assert not shop.webhooks.disable(OWNER, "shop", url=URL, reason="gone", now=shop.now)
    assert shop.webhooks.disable(OWNER, "shop", url=URL + "b", reason="gone", now=shop.now)
    assert shop.deliver("held").delivery == shop.find("held")
    assert (shop.find("held").state, shop.find("held").reason) == (DeliveryState.HELD, "WEBHOOK_DISABLED")
    shop.webhooks.change(OWNER, "shop", url=URL, events=(TYPE,), now=shop.now)
    assert shop.webhooks.get(OWNER, "shop").disabled is None
    with pytest.raises(WebhookNotFound):
        shop.webhooks.change(OWNER, "other", url=URL, events=(TYPE,), now=shop.now)


def test_a_name_belongs_to_one_webhook(shop: Shop) -> None:
    """A second creation changes neither the webhook nor its secret."""
    other = Webhook(owner=OWNER, name="shop", url=URL + "x", events=(), created_at=shop.now, updated_at=shop.now)
    assert not shop.webhooks.create(other, "whsec_" + "B" * 32, shop.secrets)
    assert shop.webhooks.get(OWNER, "shop").url == URL
    assert shop.secrets.get(OWNER, "shop", shop.now).current == "whsec_" + "A" * 32


def test_a_deleted_webhook_holds_its_events(shop: Shop) -> None:
    """They are in its log, and can be replayed if it is created again."""
    shop.webhooks.delete(OWNER, "shop", shop.secrets, now=shop.now)
    shop.deliver("late")
    assert (shop.find("late").state, shop.find("late").reason) == (DeliveryState.HELD, "WEBHOOK_GONE")
    assert shop.got == []


def test_a_long_delay_waits_in_the_table(shop: Shop) -> None:
    """A short one stays in the queue, until a second after the delivery is due."""
    short = shop.deliver("short")
    assert short.retry_in is not None
    assert shop.now + short.retry_in >= shop.find("short").due_at + SECOND
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    assert shop.deliver("long").retry_in is None
    assert shop.find("long").resume_at == shop.now + timedelta(minutes=2)
    shop.now += timedelta(minutes=2)
    assert shop.resume() == ["long"]
    assert shop.resume() == [], "its message is on the way"
    shop.now += RESUME_AGAIN_AFTER
    assert shop.resume() == ["long"], "its message was lost"
    shop.status = 204
    shop.deliver("long")
    assert (shop.find("long").state, shop.find("long").resume_at) == (DeliveryState.DELIVERED, None)
    shop.now += RESUME_AGAIN_AFTER
    assert shop.resume() == []


def test_an_early_or_old_message_sends_nothing(shop: Shop) -> None:
    """An early one comes back. One of an older round or of an ended delivery does not."""
    shop.deliver("e")
    early = shop.deliver("e")
    assert early.retry_in == shop.find("e").due_at - shop.now
    replayed = shop.deliveries.replay(OWNER, "shop", "evt_e", now=shop.now)
    assert (replayed.round, replayed.tries) == (1, 0)
    assert shop.deliver("e").retry_in is None
    shop.status = 204
    assert shop.sender.deliver(replayed.to_message()).was_sent
    assert shop.sender.deliver(replayed.to_message()).retry_in is None
    assert (shop.got, shop.find("e").tries) == (["e", "e"], 1)


def test_a_message_of_an_older_round_does_not_come_back(shop: Shop) -> None:
    """Also if the replay waits for its next try."""
    shop.deliver("o")
    replayed = shop.deliveries.replay(OWNER, "shop", "evt_o", now=shop.now)
    assert shop.sender.deliver(replayed.to_message()).was_sent
    waiting = shop.find("o")
    assert (waiting.state, waiting.resume_at, waiting.round) == (DeliveryState.WAITING, None, 1)
    assert shop.deliver("o").retry_in is None


def test_a_replay_of_a_deferred_delivery_is_immediate(shop: Shop) -> None:
    """The schedule sends it only if its message is lost. An event without a record can't be replayed."""
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    shop.deliver("r")
    replayed = shop.deliveries.replay(OWNER, "shop", "evt_r", now=shop.now)
    again = shop.now + RESUME_AGAIN_AFTER
    assert (replayed.state, replayed.resume_at, replayed.due_at) == (DeliveryState.WAITING, again, shop.now)
    shop.now += timedelta(minutes=5)
    assert shop.resume() == []
    shop.now = again
    assert shop.resume() == ["r"]
    with pytest.raises(DeliveryNotFound):
        shop.deliveries.replay(OWNER, "shop", "evt_none", now=shop.now)


def test_a_delivery_waits_for_a_paused_webhook_for_days_only(shop: Shop) -> None:
    """Then it fails without a try, and is not resumed."""
    shop.pause()
    shop.deliver("old")
    shop.now += GIVE_UP_AFTER + MINUTE
    webhook = shop.webhooks.get(OWNER, "shop")
    assert shop.webhooks.start_probe(webhook, until=shop.now + MINUTE)
    shop.deliver("old")
    stored = shop.find("old")
    assert (stored.state, stored.tries, stored.resume_at) == (DeliveryState.FAILED, 0, None)


def test_deliveries_that_are_due_wait_for_a_longer_pause(shop: Shop) -> None:
    """A failed probe starts it. No message is sent meanwhile."""
    until = shop.pause()
    shop.deliver("new")
    shop.now = until
    shop.deliver("probe")
    shop.now += SECOND
    assert shop.webhooks.get(OWNER, "shop").pauses == 2
    assert shop.find("new").resume_at == until
    assert shop.resume() == []


def test_a_claimed_delivery_is_not_deferred(shop: Shop) -> None:
    """If the try dies, the message in the queue continues it once the lease is over, not before."""
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    shop.deliver("e")
    shop.now += timedelta(minutes=2)
    claimed = shop.deliveries.claim(shop.message("e"), now=shop.now, lease=DELIVERY_LEASE)
    assert claimed is not None
    assert (claimed.resume_at, claimed.due_at) == (None, shop.now + DELIVERY_LEASE)
    assert shop.deliver("e").retry_in == DELIVERY_LEASE
    assert shop.resume() == []


def test_two_runs_resume_a_delivery_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read it; one may send the message."""
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    shop.deliver("twice")
    shop.now += timedelta(minutes=2)
    (read,) = shop.deliveries.list_due(OWNER, "shop", shop.now, limit=10)
    assert shop.deliveries.resume(read, again_at=shop.now + MINUTE)
    assert not shop.deliveries.resume(read, again_at=shop.now + MINUTE)
    monkeypatch.setattr(shop.deliveries, "list_due", lambda *_, **__: [read])
    assert shop.resume() == []


def test_a_stale_index_resumes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index may still show a delivery whose message was just sent."""
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    shop.deliver("stale")
    shop.now += timedelta(minutes=2)
    items = shop.deliveries._items
    shown = list(items.query_index("Deferred", "#DeferredBy = :r", {":r": f"{OWNER}\nshop"}, limit=10))
    assert shop.resume() == ["stale"]
    monkeypatch.setattr(items, "query_index", lambda *_, **__: iter(shown))
    assert list(shop.deliveries.list_due(OWNER, "shop", shop.now, limit=10)) == []


def test_all_deferred_deliveries_are_resumed_in_turns(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a page of one webhook, and those of others although one fails or is gone."""
    for name in ("broken", "gone"):
        shop.add(name)
    shop.status, shop.retry_after = 429, timedelta(minutes=2)
    events = [f"e{number}" for number in range(PAGE_SIZE + 5)]
    for event in events:
        shop.deliver(event)
        shop.webhooks.record_success(shop.webhooks.get(OWNER, "shop"))
    for name in ("broken", "gone"):
        shop.deliver("x", name)
    shop.now += timedelta(minutes=2)
    real = shop.webhooks.get

    def get(owner: str, name: str) -> Webhook:
        if name == "broken":
            raise ServiceUnavailable
        if name == "gone":
            raise WebhookNotFound
        return real(owner, name)

    monkeypatch.setattr(shop.webhooks, "get", get)
    assert sorted(shop.resume()) == sorted(events)


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "DELIVERED"), (299, "DELIVERED"), (199, "WAITING"), (301, "WAITING"), (304, "WAITING"), (410, "FAILED")],
)
def test_only_a_2xx_delivers_and_only_410_disables(shop: Shop, status: int, state: str) -> None:
    """Redirects are not followed."""
    shop.status = status
    shop.deliver("e")
    assert (shop.find("e").state, shop.find("e").answer) == (state, status)
    assert (shop.webhooks.get(OWNER, "shop").disabled is not None) is (status == 410)


@pytest.mark.parametrize(("status", "is_followed"), [(429, True), (503, True), (500, False), (404, False)])
def test_retry_after_counts_for_two_statuses(shop: Shop, status: int, *, is_followed: bool) -> None:
    """The others have their usual delay."""
    shop.status, shop.retry_after = status, timedelta(minutes=20)
    shop.deliver("e")
    assert (shop.find("e").due_at >= shop.now + timedelta(minutes=20)) is is_followed


def test_an_event_that_the_webhook_does_not_want_leaves_no_trace(shop: Shop) -> None:
    """No request and no record."""
    message = shop.message("e").model_copy(update={"type": "image.job.failed"})
    assert shop.sender.deliver(message) == DeliveryResult(None)
    assert shop.got == []
    with pytest.raises(DeliveryNotFound):
        shop.find("e")


def test_secrets_overlap_until_their_time_is_over(shop: Shop) -> None:
    """Both sign for a while after a rotation, then only the new one."""
    old, new = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    shop.secrets.rotate(OWNER, "shop", new, now=shop.now, overlap=MINUTE)
    during = shop.secrets.get(OWNER, "shop", shop.now + MINUTE - SECOND)
    assert (during.current, during.previous) == (new, old)
    after = shop.secrets.get(OWNER, "shop", shop.now + MINUTE)
    assert (after.current, after.previous) == (new, None)
    with pytest.raises(WebhookNotFound):
        shop.secrets.rotate(OWNER, "other", new, now=shop.now, overlap=MINUTE)
