"""Random runs of the notifier and of webhooks, and mutants that they catch."""

from collections import Counter

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import Mutant, parametrize
from faults.simulator.seeds import parametrize_seeds
from faults.simulator.webhook_run import WebhookRun

import notifier.app
import notifier.deferral
import notifier.delivery
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable

#: Runs per test.
CHUNK = 50
#: Runs in which each mutant must be caught.
MUTANT_RUNS = 100
#: Rare paths that the first chunk must meet. Another chunk may miss one by chance.
SOMETIMES = (
    *("delivery DELIVERED", "delivery FAILED", "delivery HELD", "delivery deferred"),
    *("owner: put", "owner: delete", "owner: replay", "answer 410", "answer None"),
)
MUTANTS = (
    Mutant(
        "late try overwrites a newer one",
        DeliveryTable.finish,
        'condition="#Tries = :tries AND #Round = :round"',
        'condition="#Round = :round OR #Tries = :tries"',
    ),
    Mutant(
        "deliveries of deleted webhooks wait for ever",
        notifier.deferral.DeferredDeliveries._end_page,
        "return self._hold_page(name, due, now, reason=WEBHOOK_GONE)",
        "return Resumed()",
    ),
    Mutant(
        "stream goes on after a refused event",
        notifier.app.EventPublisher.publish_changes,
        "raise failed[0][1]",
        'return {"batchItemFailures": []}',
    ),
    Mutant(
        "secret outlives its webhook",
        WebhookTable.delete,
        ", secrets.delete(owner, name)]",
        "]",
    ),
    Mutant(
        "delivery sent without a claim",
        notifier.delivery.WebhookSender.deliver,
        "return self._explain_refusal(message, now) if delivery is None",
        "delivery = delivery or self.deliveries.find(message.owner, message.webhook, message.event_id);"
        " return self._explain_refusal(message, now) if delivery is None",
    ),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds: one webhook run for twenty job runs."""
    parametrize_seeds(metafunc, chunk=CHUNK, part=20)


def test_every_delivery_ends_and_every_invariant_holds(functions: Functions, seeds: range) -> None:
    """Each event is in the log of its webhook, and its delivery ends once."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = WebhookRun(functions, seed).go()
        assert not report.breaches, report
        seen += report.seen
    if seeds == range(CHUNK):
        assert not [what for what in SOMETIMES if not seen[what]], seen


@parametrize(MUTANTS)
def test_every_mutant_is_caught(functions: Functions, mutant: Mutant) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        assert any(WebhookRun(functions, seed).go().breaches for seed in mutant.seeds(MUTANT_RUNS))
