"""The bound T holds in the worst cases."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from faults.simulator import rendering
from faults.simulator.faults import Fault, Plan, Send
from faults.simulator.final_checks import check_end, compute_bound
from faults.simulator.functions import Functions
from faults.simulator.invocations import Kind
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.world import START

from shared.clock import from_iso


def every_worker_dies_before_its_claim(send: Send) -> Fault | None:
    """No attempt starts; all messages die."""
    return Fault.KILLED_BEFORE if send.actor.kind is Kind.WORKER else None


def every_worker_dies_with_its_claim(send: Send) -> Fault | None:
    """Every attempt starts and dies at once."""
    return Fault.KILLED_AFTER if send.actor.kind is Kind.WORKER else None


def every_worker_dies_before_its_commit(send: Send) -> Fault | None:
    """Every attempt does its work in vain."""
    return Fault.KILLED_BEFORE if send.actor.kind is Kind.WORKER and send.number == 4 else None


def the_api_never_sends(send: Send) -> Fault | None:
    """The first message is lost, then every worker dies before its claim."""
    if send.actor.kind is Kind.API and send.service == "sqs":
        return Fault.UNREACHABLE
    return every_worker_dies_before_its_claim(send)


def the_dead_letters_function_dies(send: Send) -> Fault | None:
    """It dies after its write each time, so that each dead letter is counted again."""
    if send.actor.kind is Kind.DEAD_LETTERS and send.operation == "UpdateItem":
        return Fault.KILLED_AFTER
    return every_worker_dies_before_its_claim(send)


@pytest.mark.parametrize(
    "adversary",
    [
        every_worker_dies_before_its_claim,
        every_worker_dies_with_its_claim,
        every_worker_dies_before_its_commit,
        the_api_never_sends,
        the_dead_letters_function_dies,
    ],
    ids=lambda adversary: adversary.__name__,
)
def test_every_job_ends_within_t(
    functions: Functions, adversary: Plan, record_property: Callable[[str, object], None]
) -> None:
    """With kills at the worst times, the job ends as FAILED with a reason before T."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    platform.submit(rendering.GOOD)
    world.plan = adversary
    limit = compute_bound(functions.blueprint)
    platform.settle(limit + timedelta(days=1))
    check_end(world)
    assert not world.watch.breaches
    (job,) = world.jobs.values()
    took = from_iso(job["Timestamp"]["S"]) - START
    record_property("shown", f"{adversary.__name__}: the job has ended after {took}, T is {limit}")
    assert job["Error"]["M"]["Code"]["S"] == "ATTEMPTS_EXHAUSTED"
    assert took <= limit
