"""What a function does before its first event."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from support import events, sample_images
from support.lambda_box.box import CREDENTIALS
from support.lambda_box.stack import BoxedStack

ROOTS: Final = {
    "api": "api.dependencies.get_dependencies",
    "worker": "worker.app.get_consumer",
    "uploads": "worker.uploads.get_upload_events",
    "dead_letters": "worker.dead_letters.get_dead_letters",
    "reconciler": "worker.reconciler.get_reconciler",
    "walker": "api.walker.get_walker",
    "notifier": "notifier.app.get_publisher",
    "webhooks": "notifier.webhooks.get_consumer",
}


@pytest.mark.parametrize("role", ROOTS)
def test_init_prepares_everything(stack: BoxedStack, role: str, record_property: Callable[[str, object], None]) -> None:
    """The dependencies are built, every module has bytecode, and the first event imports nothing of the zip."""
    handler = stack.configure(role).handler
    with stack.start(role, handler="box_facts.handler", PROBED_HANDLER=handler, PROBED_ROOT=ROOTS[role]) as box:
        box.try_invoke(make_first_event(stack, role))
        first = box.last_cpu_seconds
        facts = box.invoke("facts")
        record_property("shown", f"{role}: INIT {box.init_cpu_seconds:.2f} s CPU, first event {first:.3f} s")
    assert facts["is_built"]
    assert facts["count"] > 100
    assert facts["without_bytecode"] == []
    assert facts["imported_later"] == []


def make_first_event(stack: BoxedStack, role: str) -> Any:
    """Return an event that lets a function use its clients."""
    if role == "api":
        return events.http("POST", "/v1/jobs", sample_images.make_jpeg(), headers={"Content-Type": "image/jpeg"})
    if role == "worker":
        return stack.receive_with("jobs", stack.submit(sample_images.make_jpeg()))
    if role in {"reconciler", "walker", "webhooks"}:
        return events.schedule(role)
    if role == "notifier":
        return {"Records": []}
    return events.sqs(events.make_message(json.dumps({"Records": []})), queue=role)


def test_credentials_leave_the_environment_block(stack: BoxedStack) -> None:
    """Even root finds none of the credentials in ``/proc`` once the worker has loaded them."""
    box = stack.box("worker")
    box.wait_until_ready()
    block = box.find_process().environ()
    assert block["AWS_LAMBDA_FUNCTION_NAME"] == box.function.name
    assert not [name for name, value in block.items() if any(secret in value for secret in CREDENTIALS)]
