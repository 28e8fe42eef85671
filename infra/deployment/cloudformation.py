"""CloudFormation stacks: describe them, wait for changes, and find out why they failed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.errors import SetupError
from infra.sessions import Clients

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

MAX_REASONS = 3
COMPLETE_STATES = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
#: How long the pause after a poll is, as a multiple of the poll. On a local engine, polls slow the deployment down.
_PAUSE_SHARE = 3
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change set."""

    action: str
    logical_id: str
    resource_type: str
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class Polling:
    """Polling interval and time limit, in seconds."""

    interval: float
    timeout: float


#: A deployment takes 5 s of CPU time. On a machine with 60 busy processes, that takes minutes.
LOCAL_POLLING = Polling(interval=0.1, timeout=600)
AWS_POLLING = Polling(interval=3, timeout=1800)


@dataclass(frozen=True, slots=True)
class Target:
    """The name of a stack, the clients for its account or engine, and how to poll."""

    clients: Clients
    stack_name: str
    polling: Polling = AWS_POLLING


def describe_stack(target: Target) -> "StackTypeDef | None":
    """Return CloudFormation's description of the stack, or None if the stack does not exist."""
    try:
        return target.clients.cloudformation.describe_stacks(StackName=target.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def get_outputs(stack: "StackTypeDef") -> dict[str, str]:
    """Return the outputs of a stack by name."""
    return {line["OutputKey"]: line["OutputValue"] for line in stack.get("Outputs", [])}


def get_parameters(stack: "StackTypeDef | None") -> dict[str, str]:
    """Return the parameter values of a stack by name."""
    lines = stack.get("Parameters", []) if stack else []
    return {line["ParameterKey"]: line.get("ParameterValue", "") for line in lines}


def wait_for_changes(target: Target, change_set: str) -> list[Change]:
    """Wait until CloudFormation has computed the changes, and return them.

    Raises SetupError if CloudFormation rejects the template or the time is up.
    """
    for _ in _polls(target.polling):
        answer = target.clients.cloudformation.describe_change_set(ChangeSetName=change_set)
        if answer["Status"] == "FAILED":
            reason = answer.get("StatusReason", "no reason given")
            if any(phrase in reason for phrase in _NOTHING_TO_DO):
                return []
            raise SetupError(f"CloudFormation rejected the template: {reason}")
        if answer["Status"] == "CREATE_COMPLETE":
            pages = target.clients.cloudformation.get_paginator("describe_change_set").paginate(
                ChangeSetName=change_set
            )
            lines = [line["ResourceChange"] for page in pages for line in page["Changes"] if "ResourceChange" in line]
            return [
                Change(
                    action=line["Action"],
                    logical_id=line["LogicalResourceId"],
                    resource_type=line["ResourceType"],
                    replacement=line.get("Replacement", ""),
                )
                for line in lines
            ]
    raise SetupError(f"CloudFormation did not compute the changes within {target.polling.timeout:.0f} s.")


def wait_for_end(target: Target, seen: frozenset[str]) -> str:
    """Wait until the running operation ends, and return the final state. Raises SetupError if the time is up.

    ``seen`` are the events before the operation. Until there is a new event, the stack still has its old state. boto3's
    waiters cannot be used, because they would return immediately in this case.
    """
    for _ in _polls(target.polling):
        if get_event_ids(target) == seen:
            continue
        stack = describe_stack(target)
        if stack is None:
            return "DELETE_COMPLETE"
        state = stack["StackStatus"]
        # The update is complete, and only the cleanup is still running.
        if state == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            return "UPDATE_COMPLETE"
        if not state.endswith("_IN_PROGRESS"):
            return state
    raise SetupError(
        f"The stack {target.stack_name} did not reach a final state within {target.polling.timeout:.0f} s."
    )


def wait_for_cleanup(target: Target) -> "StackTypeDef | None":
    """Wait until CloudFormation has deleted what the last update has replaced or removed. Return the stack.

    Until then, a stack can be neither updated nor deleted. Raises SetupError if the time is up.
    """
    for _ in _polls(target.polling):
        stack = describe_stack(target)
        if stack is None or not stack["StackStatus"].endswith("_CLEANUP_IN_PROGRESS"):
            return stack
    raise SetupError(f"The last update of {target.stack_name} is not complete after {target.polling.timeout:.0f} s.")


def get_event_ids(target: Target) -> frozenset[str]:
    """Return the IDs of the newest events of the stack. The set is empty if the stack does not exist."""
    try:
        events = target.clients.cloudformation.describe_stack_events(StackName=target.stack_name)["StackEvents"]
    except ClientError:
        return frozenset()
    return frozenset(event["EventId"] for event in events)


def failure_reasons(target: Target, seen: frozenset[str]) -> list[str]:
    """Return why resources failed, starting with the first failure. Later failures are often only its consequences.

    ``seen`` are the newest events before the operation. The pages start with the newest event.
    """
    pages = target.clients.cloudformation.get_paginator("describe_stack_events").paginate(StackName=target.stack_name)
    events = (event for page in pages for event in page["StackEvents"])
    failed = [
        f"{event.get('LogicalResourceId', '?')}: {event['ResourceStatusReason']}"
        for event in takewhile(lambda event: event["EventId"] not in seen, events)
        if event.get("ResourceStatus", "").endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return failed[::-1][:MAX_REASONS]


def _polls(polling: Polling) -> Iterator[None]:
    """Yield once per poll until the time is up. Polls that take long on a busy machine are less frequent."""
    deadline = time.monotonic() + polling.timeout
    while True:
        started = time.monotonic()
        yield
        now = time.monotonic()
        if now > deadline:
            return
        time.sleep(max(polling.interval, _PAUSE_SHARE * (now - started)))
