"""Invariants of deliveries to webhooks, checked after every write, before every request, and at the end of a run.

====  ==================================================================================================================
W1    Within a round, tries grow by one, and only after the lease of the last try. A replay starts a new round.
W2    A delivery that has ended changes only with a new round.
W3    A delivery is in the index of deferred deliveries if and only if it waits for the schedule.
W4    No request goes to a webhook that was deleted or disabled long before.
W5    Every delivery ends in time, also those of deleted webhooks, and every event of a webhook is in the log.
W6    A delivery is DELIVERED only if its receiver has accepted it, and a receiver that accepts everything gets all.
W7    A receiver that accepts nothing gets few requests.
W8    A webhook has a secret as long as it exists, and no longer.
====  ==================================================================================================================
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.clock import from_iso
from shared.webhooks.delivery import DeliveryState

if TYPE_CHECKING:
    from faults.simulator.world import World

Record = Mapping[str, Any]
ENDED = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.HELD})
#: What a delivery shows after its end.
VISIBLE = ("State", "Answer", "Reason", "Tries", "DueAt")
#: Longest time from reading a webhook to the request: slow calls and the timeout of the function.
LOOKING = timedelta(minutes=10)
#: Most requests to a receiver that accepts nothing, in the time after the faults: the probes of five days, and tries.
MAX_POSTS = 5 * 24 + 100


class WebhookWatch:
    """Sees every write to the table of webhooks. It adds violations to those of the world."""

    def __init__(self, world: "World") -> None:
        """Watch one world."""
        self._world = world
        #: When a webhook was deleted or disabled, by URL.
        self._closed: dict[str, datetime] = {}

    @property
    def _items(self) -> Mapping[str, Record]:
        return self._world.tables.tables["WebhookTable"].items

    def _demand(self, holds: bool, breach: str) -> None:
        self._world.watch._demand(holds, breach)

    def written(self, table: str, old: Record | None, new: Record | None) -> None:
        """Check one write."""
        if table != "WebhookTable":
            return
        entry = (new or old or {})["Entry"]["S"]
        if entry.startswith("delivery#"):
            self._demand(new is not None, f"W2 {entry}: a delivery was removed")
            if new is not None:
                self._judge_delivery(entry, old, new)
        elif entry.startswith("webhook#"):
            self._judge_webhook(old, new)

    def _judge_webhook(self, old: Record | None, new: Record | None) -> None:
        if old is not None and (new is None or "Disabled" in new or new["Url"] != old["Url"]):
            self._closed.setdefault(old["Url"]["S"], self._world.now)
        if new is not None and "Disabled" not in new:
            self._closed.pop(new["Url"]["S"], None)  # a late request has opened it again

    def _judge_delivery(self, entry: str, old: Record | None, new: Record) -> None:
        state = DeliveryState(new["State"]["S"])
        is_deferred = "DeferredBy" in new
        self._demand(is_deferred == ("ResumeAt" in new), f"W3 {entry}: half deferred")
        self._demand(not is_deferred or state is DeliveryState.WAITING, f"W3 {entry}: {state}, but deferred")
        if old is None:
            return
        grown, rounds = (int(new[name]["N"]) - int(old[name]["N"]) for name in ("Tries", "Round"))
        before = DeliveryState(old["State"]["S"])
        self._demand(rounds in {0, 1}, f"W1 {entry}: round changed by {rounds}")
        if rounds:
            self._demand(int(new["Tries"]["N"]) == 0, f"W1 {entry}: a replay starts with a try")
            return
        self._demand(grown in {0, 1}, f"W1 {entry}: tries changed by {grown}")
        if before in ENDED:
            changed = [name for name in VISIBLE if old.get(name) != new.get(name)]
            self._demand(not changed, f"W2 {entry}: {before} changed its {changed}")
        elif grown:
            over = from_iso(old["DueAt"]["S"]) <= self._world.clock()
            self._demand(over, f"W1 {entry}: a try while another one was running or the delivery was not due")
        self._world.watch.seen[f"delivery {state}"] += state is not before
        self._world.watch.seen["delivery deferred"] += is_deferred and "DeferredBy" not in old

    def check_post(self, url: str, event: str) -> None:
        """Check a request to a receiver."""
        closed = self._closed.get(url)
        recently = closed is None or self._world.now - closed < LOOKING
        self._demand(recently, f"W4 {event}: sent to {url}, which was closed at {closed}")

    def is_deferred(self, body: str) -> bool:
        """Return True if the delivery of a message is deferred, so that another message will follow."""
        message = json.loads(body)
        entry = f"delivery#{message['webhook']}#{message['event_id']}"
        return any("DeferredBy" in item for item in self._items.values() if item["Entry"]["S"] == entry)

    def find_resume_time(self) -> datetime | None:
        """Return when the schedule will next find a deferred delivery to handle, or None if there is none."""
        moments = []
        webhooks = {item["Entry"]["S"]: item for item in self._items.values()}
        for item in self._items.values():
            if not item["Entry"]["S"].startswith("delivery#") or "DeferredBy" not in item:
                continue
            webhook = webhooks.get(f"webhook#{item['Webhook']['S']}")
            due = from_iso(item["ResumeAt"]["S"])
            if webhook is None:
                moments.append(self._world.now - timedelta(seconds=1))
            elif "PausedUntil" in webhook and "Disabled" not in webhook:
                moments.append(max(due, from_iso(webhook["PausedUntil"]["S"])))
            else:
                moments.append(due)
        return min(moments) + timedelta(milliseconds=1) if moments else None

    def check_end(
        self,
        ended: Mapping[str, str],
        accepted: set[str],
        receivers: Mapping[str, int | None],
        posts: Mapping[str, int],
    ) -> None:
        """Check the log after everything has ended.

        ``ended`` contains the webhook of each event, ``receivers`` what each URL has answered after the faults.
        """
        webhooks = {
            item["Name"]["S"]: item for item in self._items.values() if item["Entry"]["S"].startswith("webhook#")
        }
        logged = {item["EventID"]["S"]: item for item in self._items.values() if "EventID" in item}
        for event, name in ended.items():
            self._demand(event in self._world.topics.published, f"W5 {event}: not published")
            self._demand(event in logged, f"W5 {event}: not in the log of {name}")
        for event, item in logged.items():
            state = DeliveryState(item["State"]["S"])
            self._demand(state in ENDED, f"W5 {event}: still {state}")
            delivered = state is DeliveryState.DELIVERED
            self._demand(not delivered or event in accepted, f"W6 {event}: not accepted, but DELIVERED")
        for url, status in receivers.items():
            self._demand(status == 204 or posts.get(url, 0) <= MAX_POSTS, f"W7 {url}: {posts.get(url)} requests")
        secrets = {item["Name"]["S"] for item in self._world.tables.tables["WebhookSecretTable"].items.values()}
        self._demand(secrets == set(webhooks), f"W8 secrets of {sorted(secrets)}, webhooks {sorted(webhooks)}")
        self._demand(not self._world.webhooks.messages, "W5 a message stays in the queue of webhooks")
