"""Jobs with several outputs whose worker is killed between two stores."""

from datetime import timedelta

import pytest
from faults.simulator import rendering
from faults.simulator.final_checks import check_end, compute_bound
from faults.simulator.functions import Functions
from faults.simulator.invariants import find_orphans, read_outputs
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.single_faults import submit_images, there
from faults.simulator.world import World

NAMES = [output.name for output in rendering.SEVERAL.expand_outputs(rendering.FULL_WIDTH).outputs]


def count_processed(world: World) -> int:
    """Return the number of processed images in the bucket."""
    return sum(key.startswith("processed/") for key in world.bucket.objects)


def run_until_stored(world: World, count: int) -> None:
    """Advance the worker until this number of processed images is stored."""
    while count_processed(world) < count:
        if ready := world.ready():
            world.advance(ready[0])
        else:
            world.pass_time(timedelta(seconds=1))


def kill_after(platform: LambdaPlatform, stores: int) -> None:
    """Deliver a job with several outputs and kill its worker after some of them are stored."""
    submit_images(platform, 1, rendering.SEVERAL)
    world = platform.functions.world
    worker = there(platform.deliver(world.queue, list(world.queue.messages)))
    run_until_stored(world, stores)
    worker.kill()
    platform.finish(worker)


@pytest.mark.parametrize("stores", range(1, len(NAMES) + 1))
def test_killed_worker_leaves_neither_a_partial_result_nor_orphans(functions: Functions, stores: int) -> None:
    """Until the next attempt completes the job, it shows no output. Afterwards, only its outputs are stored."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    kill_after(platform, stores)
    (record,) = world.jobs.values()
    assert (record["Status"]["S"], read_outputs(record), "S3Path" in record) == ("PROCESSING", (), False)
    platform.settle(compute_bound(functions.blueprint))
    check_end(world)
    assert not world.watch.breaches
    (record,) = world.jobs.values()
    assert (record["Status"]["S"], int(record["Attempt"]["N"])) == ("COMPLETED", 2)
    assert [output.name for output in read_outputs(record)] == NAMES
    assert find_orphans(world) == []


def test_deletion_removes_the_outputs_of_all_attempts(functions: Functions) -> None:
    """Also those of an attempt that was killed, whose names are not in the record."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    kill_after(platform, 3)
    (job_id,) = world.jobs
    platform.ask("delete", job_id)
    platform.settle(compute_bound(functions.blueprint))
    assert count_processed(world) == 0


def test_failed_job_leaves_no_outputs(functions: Functions) -> None:
    """Every attempt is killed between two stores. The last one that fails the job removes what they stored."""
    world = functions.open()
    platform = LambdaPlatform(functions)
    submit_images(platform, 1, rendering.SEVERAL)
    attempts = functions.blueprint.number("MaxReceiveCount")
    for _ in range(attempts):
        worker = there(platform.deliver(world.queue, list(world.queue.messages)))
        run_until_stored(world, count_processed(world) + 2)
        worker.kill()
        platform.finish(worker)
        world.pass_time(world.queue.visibility)
    world.queues.add(world.queue, world.queue.messages[0].body)
    platform.deliver(world.queue, [world.queue.messages[-1]])
    platform.settle(compute_bound(functions.blueprint))
    (record,) = world.jobs.values()
    assert record["Error"]["M"]["Code"]["S"] == "ATTEMPTS_EXHAUSTED"
    assert find_orphans(world) == []
