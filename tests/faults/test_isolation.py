"""The doubles replace parts of our modules only during a test that uses them. Any test can run before and after it."""

import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from faults.simulator import rendering
from faults.simulator.functions import Functions

OURS = ("api", "notifier", "shared", "worker")


def read_state() -> dict[str, object]:
    """Return all that a test could change and forget: attributes of our modules, the environment, the log level."""
    modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in OURS}
    found = {f"{name}.{each}": value for name, module in modules.items() for each, value in vars(module).items()}
    found |= {f"${name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return found | {
        "disabled log level": logging.root.manager.disable,
        "flush_metrics": AmazonCloudWatchEMFProvider.flush_metrics,
    }


def find_changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the names of what differs."""
    return sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) is not after.get(name) and before.get(name) != after.get(name)
    )


def test_nothing_is_replaced_while_the_functions_are_not_installed(built_functions: Functions) -> None:
    """Neither before nor after, although they were built. Inside, they are."""
    before = read_state()
    assert before["shared.parallel.ThreadPoolExecutor"] is ThreadPoolExecutor
    with built_functions.install():
        changes = find_changes(before, read_state())
        expected = {"shared.parallel.ThreadPoolExecutor", "worker.app.Sandbox", "notifier.app.utc_now"}
        assert expected | {"disabled log level", "$JOB_TABLE"} <= {*changes}
    assert find_changes(before, read_state()) == []


def test_two_sets_of_functions_can_take_turns(built_functions: Functions) -> None:
    """Each has its own dependencies while it is installed."""
    other = Functions(built_functions.blueprint)
    for functions in (built_functions, other, built_functions):
        with functions.install():
            functions.open()
            job = functions.submit(rendering.GOOD)
            assert list(functions.world.jobs) == [job.id]
