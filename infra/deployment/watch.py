"""Watches CloudFormation: what a change set would do, how a stack ends, and why it failed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.faults import SetupFault
from infra.sessions import Clients

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

MAX_REASONS = 3
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change set."""

    action: str
    logical_id: str
    resource_type: str
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, and how long, in seconds."""

    every: float
    at_most: float


LOCAL_PACE = Pace(every=0.1, at_most=120)
AWS_PACE = Pace(every=3, at_most=1800)


@dataclass(frozen=True, slots=True)
class Target:
    """A stack by name, how to reach it, and how patiently."""

    clients: Clients
    stack_name: str
    pace: Pace = AWS_PACE


def describe(target: Target) -> "StackTypeDef | None":
    """Return CloudFormation's description of the stack, None where there is no such stack."""
    try:
        return target.clients.cloudformation.describe_stacks(StackName=target.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def outputs(stack: "StackTypeDef") -> dict[str, str]:
    """Map output names to values."""
    return {line["OutputKey"]: line["OutputValue"] for line in stack.get("Outputs", [])}


def parameters_of(stack: "StackTypeDef | None") -> dict[str, str]:
    """Map the names of a stack's parameters to the values in force."""
    lines = stack.get("Parameters", []) if stack else []
    return {line["ParameterKey"]: line.get("ParameterValue", "") for line in lines}


def await_changes(target: Target, change_set: str) -> list[Change]:
    """Wait until the changes are known; none is an answer too."""
    for _ in _looks(target.pace):
        answer = target.clients.cloudformation.describe_change_set(ChangeSetName=change_set)
        if answer["Status"] == "FAILED":
            reason = answer.get("StatusReason", "no reason given")
            if any(phrase in reason for phrase in _NOTHING_TO_DO):
                return []
            raise SetupFault(f"CloudFormation refuses the template: {reason}")
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
    raise SetupFault(f"CloudFormation did not work out the changes within {target.pace.at_most:.0f} s.")


def await_end(target: Target, seen: frozenset[str]) -> str:
    """Return the state in which what was just begun ends; ``seen`` are the events from before it.

    Until the first new event the state is that of the time before.
    """
    for _ in _looks(target.pace):
        if event_ids(target) == seen:
            continue
        stack = describe(target)
        if stack is None:
            return "DELETE_COMPLETE"
        state = stack["StackStatus"]
        # What is cleaned up after an update no longer matters to who waits for it.
        if state == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            return "UPDATE_COMPLETE"
        if not state.endswith("_IN_PROGRESS"):
            return state
    raise SetupFault(f"The stack {target.stack_name} did not settle within {target.pace.at_most:.0f} s.")


def event_ids(target: Target) -> frozenset[str]:
    """Name the newest events of the stack; none where there is no stack."""
    try:
        events = target.clients.cloudformation.describe_stack_events(StackName=target.stack_name)["StackEvents"]
    except ClientError:
        return frozenset()
    return frozenset(event["EventId"] for event in events)


def reasons(target: Target, seen: frozenset[str]) -> list[str]:
    """Say why resources failed, the first failure first: those after it are mostly its consequence."""
    pages = target.clients.cloudformation.get_paginator("describe_stack_events").paginate(StackName=target.stack_name)
    failed = [
        f"{event.get('LogicalResourceId', '?')}: {event['ResourceStatusReason']}"
        for page in pages
        for event in page["StackEvents"]
        if event["EventId"] not in seen
        and event.get("ResourceStatus", "").endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return failed[::-1][:MAX_REASONS]


def _looks(pace: Pace) -> Iterator[None]:
    """Yield once for each look, until the time is up."""
    deadline = time.monotonic() + pace.at_most
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(pace.every)
