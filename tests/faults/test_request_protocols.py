"""Idempotency-Key and webhooks: who may write the result of a try.

On the doubles of AWS, through the real tables, stores and functions.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from faults.simulator.stage import LEASE, MILLISECOND, Stage

from api.http.idempotency import Done, identify_request, run_once
from shared.aws.dynamodb.idempotency.request_log import RequestLog, Reservation, StoredResponse
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.errors import InvalidRequest, KeyInUse, KeyInvalid, KeyReused, ServiceUnavailable
from shared.webhooks.delivery import DeliveryMessage, DeliveryState


@pytest.fixture
def log(stage: Stage) -> RequestLog:
    """Return the log of requests."""
    return stage.functions.dependencies.requests


def reserve(log: RequestLog, at: datetime, fingerprint: str = "same") -> Reservation:
    """Reserve a request."""
    found = log.reserve("scope", fingerprint, now=at, lease=LEASE)
    assert isinstance(found, Reservation)
    return found


def test_a_lost_reservation_stores_no_answer(stage: Stage, log: RequestLog) -> None:
    """The try that has taken it over may still be refused, so only its answer counts."""
    now = stage.world.now
    first = reserve(log, now)
    second = reserve(log, now + 2 * LEASE)
    assert (second.is_repeat, second.job_id, second.at) == (True, first.job_id, first.at)
    log.store_response(first, {"late": True})
    with pytest.raises(KeyInUse):
        log.reserve("scope", "same", now=now + 2 * LEASE, lease=LEASE)
    log.store_response(second, {"late": False})
    assert log.reserve("scope", "same", now=now, lease=LEASE) == StoredResponse({"late": False})
    log.store_response(first, {"late": True})
    assert log.reserve("scope", "same", now=now, lease=LEASE) == StoredResponse({"late": False})


@pytest.mark.parametrize("end", ["delete", "release"])
def test_a_lost_reservation_does_not_end_that_of_its_successor(stage: Stage, log: RequestLog, end: str) -> None:
    """Neither a refusal nor a service error of the first try."""
    now = stage.world.now
    first = reserve(log, now)
    reserve(log, now + 2 * LEASE)
    if end == "delete":
        log.delete(first)
    else:
        log.release(first, now=now)
    with pytest.raises(KeyInUse):
        log.reserve("scope", "same", now=now + 2 * LEASE, lease=LEASE)


def test_a_reservation_is_taken_over_once(stage: Stage, log: RequestLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two repetitions that have read the same record, one gets it."""
    now = stage.world.now
    reserve(log, now)
    real = log._take_over

    def take_over_late(old: Any, *rest: Any, **more: Any) -> Any:
        monkeypatch.setattr(log, "_take_over", real)
        reserve(log, now + 2 * LEASE)
        return real(old, *rest, **more)

    monkeypatch.setattr(log, "_take_over", take_over_late)
    with pytest.raises(KeyInUse):
        log.reserve("scope", "same", now=now + 2 * LEASE, lease=LEASE)


def test_an_answered_reservation_is_not_taken_over(
    stage: Stage, log: RequestLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the answer comes between the reading and the write."""
    now = stage.world.now
    first = reserve(log, now)
    real = log._take_over

    def take_over_late(old: Any, *rest: Any, **more: Any) -> Any:
        log.store_response(first, {"done": True})
        return real(old, *rest, **more)

    monkeypatch.setattr(log, "_take_over", take_over_late)
    with pytest.raises(KeyInUse):
        log.reserve("scope", "same", now=now + 2 * LEASE, lease=LEASE)


def test_a_reservation_belongs_to_one_request_for_a_day(stage: Stage, log: RequestLog) -> None:
    """The lease is held for its last moment; other contents are refused; after a day the key is free."""
    now = stage.world.now
    first = reserve(log, now)
    with pytest.raises(KeyReused):
        log.reserve("scope", "other", now=now + 2 * LEASE, lease=LEASE)
    with pytest.raises(KeyInUse):
        log.reserve("scope", "same", now=now + LEASE - MILLISECOND, lease=LEASE)
    free = log.reserve("scope", "other", now=now + timedelta(days=1), lease=LEASE)
    assert isinstance(free, Reservation)
    assert (free.is_repeat, free.job_id == first.job_id) == (False, False)


class Requests:
    """Requests with Idempotency-Keys, and the reservations with which they have run."""

    def __init__(self, stage: Stage, log: RequestLog) -> None:
        """Send requests at the time of the world."""
        self.stage, self.log = stage, log
        self.runs: list[Reservation] = []

    def send(
        self,
        *contents: str,
        key: str | None = "key",
        owner: str = "ann",
        route: str = "POST /a",
        run: Callable[[], None] = lambda: None,
    ) -> Done[int]:
        """Send a request whose result is the number of runs."""

        def count(reservation: Reservation) -> int:
            self.runs.append(reservation)
            run()
            return len(self.runs)

        request = identify_request(key, owner, route, *contents)
        return run_once(request, count, lambda value: {"run": value}, self.log, lambda: self.stage.world.now, LEASE)


@pytest.fixture
def requests(stage: Stage, log: RequestLog) -> Requests:
    """Return a sender of requests."""
    return Requests(stage, log)


def test_a_request_runs_once_for_its_key_owner_and_route(requests: Requests) -> None:
    """Without a key it always runs. The parts of a request do not flow together."""
    first, again = requests.send("ab", "c"), requests.send("ab", "c")
    assert (first.value, again.value, again.answer) == (1, None, {"run": 1})
    assert (first.headers, again.headers) == ({}, {"Idempotency-Replayed": "true"})
    with pytest.raises(KeyReused):
        requests.send("a", "bc")
    others = [requests.send("x", owner="bob"), requests.send("x", route="POST /b"), requests.send("x", key="other")]
    assert [each.value for each in (*others, *(requests.send("x", key=None) for _ in range(2)))] == [2, 3, 4, 5, 6]
    assert len({each.job_id for each in requests.runs}) == 6
    for key in ("", " ", "a" * 256, "a\n"):
        with pytest.raises(KeyInvalid):
            requests.send("x", key=key)


def test_a_service_error_keeps_the_reservation_and_ends_its_lease(requests: Requests) -> None:
    """It is unknown how far the request got. So the repetition runs at once, with the same ID and time."""

    def fail() -> None:
        raise ServiceUnavailable

    with pytest.raises(ServiceUnavailable):
        requests.send("a", run=fail)
    assert requests.send("a").value == 2
    first, second = requests.runs
    assert (second.job_id, second.at, second.is_repeat) == (first.job_id, first.at, True)


def test_a_refused_request_frees_its_key(requests: Requests) -> None:
    """It has changed nothing, so the corrected request is a new one."""

    def refuse() -> None:
        raise InvalidRequest

    with pytest.raises(InvalidRequest):
        requests.send("wrong", run=refuse)
    assert requests.send("right").value == 2
    first, second = requests.runs
    assert (second.job_id == first.job_id, second.is_repeat) == (False, False)


def test_a_repeated_request_that_is_refused_keeps_the_reservation(requests: Requests) -> None:
    """Its first try may have created something, which a new reservation would create again."""

    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(ServiceUnavailable):
        requests.send("a", run=partial(fail, ServiceUnavailable()))
    with pytest.raises(InvalidRequest):
        requests.send("a", run=partial(fail, InvalidRequest()))
    assert requests.send("a").value == 3
    assert len({(each.job_id, each.at) for each in requests.runs}) == 1


def test_a_running_request_refuses_its_repetition(requests: Requests) -> None:
    """Until its lease ends."""

    def repeat() -> None:
        with pytest.raises(KeyInUse):
            requests.send("a")

    assert requests.send("a", run=repeat).value == 1


@pytest.fixture
def deliveries(stage: Stage) -> DeliveryTable:
    """Return the table of deliveries."""
    return DeliveryTable(stage.jobs._client, "WebhookTable")


EVENT = "evt_1"
MESSAGE = DeliveryMessage(owner="ann", webhook="shop", event_id=EVENT, type="job.completed", job_id="j", body="{}")


def test_a_late_try_does_not_overwrite_a_newer_one(stage: Stage, deliveries: DeliveryTable) -> None:
    """The first try's lease has ended, a second one has delivered: the first one's failure is dropped."""
    now = stage.world.now
    first = deliveries.claim(MESSAGE, now=now, lease=LEASE)
    second = deliveries.claim(MESSAGE, now=now + LEASE, lease=LEASE)
    assert first is not None
    assert second is not None
    assert (first.tries, second.tries) == (1, 2)
    assert not deliveries.finish(replace(first, state=DeliveryState.FAILED, due_at=now, answer=500))
    assert deliveries.finish(replace(second, state=DeliveryState.DELIVERED, due_at=now, answer=200))
    assert not deliveries.finish(replace(first, state=DeliveryState.FAILED, due_at=now, answer=500))
    stored = deliveries.find("ann", "shop", EVENT)
    assert (stored.state, stored.answer, stored.tries) == (DeliveryState.DELIVERED, 200, 2)


def test_a_late_try_does_not_overwrite_a_replay(stage: Stage, deliveries: DeliveryTable) -> None:
    """A replay starts a new round with the same number of tries."""
    now = stage.world.now
    first = deliveries.claim(MESSAGE, now=now, lease=LEASE)
    assert first is not None
    replayed = deliveries.replay("ann", "shop", EVENT, now=now)
    again = deliveries.claim(MESSAGE.model_copy(update={"round": replayed.round}), now=now, lease=LEASE)
    assert again is not None
    assert again.tries == first.tries
    assert not deliveries.finish(replace(first, state=DeliveryState.FAILED, due_at=now, answer=500))
    assert deliveries.find("ann", "shop", EVENT).state is DeliveryState.WAITING


def test_a_delivery_is_claimed_only_when_it_is_due(stage: Stage, deliveries: DeliveryTable) -> None:
    """Not during another try, not by a message of an older round, and not after its end."""
    now = stage.world.now
    first = deliveries.claim(MESSAGE, now=now, lease=LEASE)
    assert first is not None
    assert deliveries.claim(MESSAGE, now=now + LEASE - MILLISECOND, lease=LEASE) is None
    replayed = deliveries.replay("ann", "shop", EVENT, now=now)
    assert deliveries.claim(MESSAGE, now=now + LEASE, lease=LEASE) is None
    again = deliveries.claim(MESSAGE.model_copy(update={"round": replayed.round}), now=now + LEASE, lease=LEASE)
    assert again is not None
    assert deliveries.finish(replace(again, state=DeliveryState.DELIVERED, due_at=now, answer=200))
    assert (
        deliveries.claim(MESSAGE.model_copy(update={"round": replayed.round}), now=now + 2 * LEASE, lease=LEASE) is None
    )
