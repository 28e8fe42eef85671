"""The number of AWS calls per job without faults."""

from collections import Counter

import pytest
from faults.simulator import rendering
from faults.simulator.final_checks import check_end, compute_bound
from faults.simulator.functions import Functions
from faults.simulator.invocations import Kind
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.single_faults import post

#: Per job: create, claim and complete; raw image in and out, processed image in; one message.
HAPPY = {
    (Kind.API, "s3", "PutObject"): 1,
    (Kind.API, "dynamodb", "PutItem"): 1,
    (Kind.API, "sqs", "SendMessage"): 1,
    (Kind.WORKER, "dynamodb", "UpdateItem"): 2,
    (Kind.WORKER, "s3", "GetObject"): 1,
    (Kind.WORKER, "s3", "PutObject"): 1,
}


@pytest.mark.parametrize("count", [1, 10])
def test_a_job_has_the_minimum_of_aws_calls(functions: Functions, count: int) -> None:
    """One PutItem, two UpdateItem, two PutObject, one GetObject and one message."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    for _ in range(count):
        client = post(platform)
        while client.end is None:
            world.advance(client)
    platform.settle(compute_bound(functions.blueprint))
    check_end(world)
    calls = Counter((send.actor.kind, send.service, send.operation) for send, _ in world.steps)
    assert calls == {call: times * count for call, times in HAPPY.items()}
    assert not world.watch.breaches
    assert [int(job["Attempt"]["N"]) for job in world.jobs.values()] == [1] * count


def test_a_bad_image_has_no_more_aws_calls(functions: Functions) -> None:
    """An image that cannot be processed is claimed, read and failed once."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    platform.submit(rendering.BAD)
    platform.settle(compute_bound(functions.blueprint))
    calls = Counter(send.operation for send, _ in world.steps if send.actor.kind is Kind.WORKER)
    assert calls == {"UpdateItem": 2, "GetObject": 1}
