"""CloudFormation: change sets, states, rollbacks and deletions as AWS documents them.

Operations run while the caller polls: each call that describes the stack executes the next steps. Sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (states),
.../aws-attribute-deletionpolicy.html, .../aws-attribute-updatereplacepolicy.html, .../stack-failure-options.html
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from support.strict_aws.account import S3, Account, Client, Resource, make_error
from support.strict_aws.creation_rules import find_deletion_refusal, find_refusal
from support.strict_aws.declarations import REFERENCE, Declaration, Declared, declare
from support.strict_aws.schemas import list_create_only, validate_parameters

MAX_BODY: Final = 51_200
CAPABILITIES: Final = frozenset({"CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"})
#: States in which a stack can be updated.
UPDATABLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
#: Steps of an operation per poll, and events per page.
STEPS: Final = 20
PAGE: Final = 100
#: Returns why a step fails, or an empty string. Its arguments are ``create``, ``update`` or ``delete``, and a resource.
Sabotage = Callable[[str, str], str]


@dataclass
class StackResource:
    """A resource of a stack: its declaration, what exists of it, and its status."""

    declared: Declared
    status: str
    resource: Resource | None = None


@dataclass
class Stack:
    """A stack."""

    name: str
    state: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    declaration: Declaration | None = None
    resources: dict[str, StackResource] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)
    change_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    operation: Iterator[None] | None = None


@dataclass
class CloudFormation(Client):
    """The client of CloudFormation. The methods that are not private are calls of boto3."""

    account: Account
    sabotage: Sabotage = lambda _verb, _name: ""
    #: If true, a resource that fails to be created exists nevertheless.
    leaves_failed_resources: bool = False
    stacks: dict[str, Stack] = field(default_factory=dict)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Continue the running operation, and return the stack."""
        stack = self._continue(StackName)
        lines = [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()]
        told: dict[str, Any] = {"StackStatus": stack.state, "Parameters": lines}
        if stack.declaration:
            outputs = {name: self._read(stack, text) for name, text in stack.declaration.outputs.items()}
            told["Outputs"] = [{"OutputKey": name, "OutputValue": text} for name, text in outputs.items()]
        return {"Stacks": [told]}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        """Continue the running operation, and return the newest events."""
        stack = self._continue(StackName)
        return {"StackEvents": stack.events[: -PAGE - 1 : -1]}

    def get_paginator(self, operation: str) -> Any:
        """Return all pages of events, or the one page of another operation."""
        return EventPages(self) if operation == "describe_stack_events" else super().get_paginator(operation)

    def list_stack_resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        """Return the resources, also deleted ones."""
        lines = []
        for name, each in self._get(StackName).resources.items():
            line = {"LogicalResourceId": name, "ResourceType": each.declared.kind, "ResourceStatus": each.status}
            lines.append(line | ({"PhysicalResourceId": each.resource.id} if each.resource else {}))
        return {"StackResourceSummaries": lines}

    def create_change_set(self, **given: Any) -> dict[str, str]:
        """Compute the changes. Refuses what AWS refuses in this state."""
        name, kind = given["StackName"], given["ChangeSetType"]
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", given["ChangeSetName"]):
            raise make_error("ValidationError", "changeSetName")
        if not set(given["Capabilities"]) >= CAPABILITIES:
            raise make_error("InsufficientCapabilitiesException", "Requires capabilities")
        body = self._read_body(given)
        stack = self.stacks.get(name)
        if kind == "CREATE":
            if stack and stack.state != "REVIEW_IN_PROGRESS":
                raise make_error("ValidationError", f"Stack [{name}] already exists and cannot be created again")
            if stack is None:
                stack = self.stacks[name] = Stack(name, "REVIEW_IN_PROGRESS")
                self._happen(stack, name, stack.state, "User Initiated")
        elif stack is None or stack.state not in UPDATABLE:
            state = stack.state if stack else "missing"
            raise make_error("ValidationError", f"Stack:{name} is in {state} state and can not be updated.")
        values = {line["ParameterKey"]: line["ParameterValue"] for line in given["Parameters"]}
        change_set = {"id": f"arn:{name}/{given['ChangeSetName']}", "stack": stack, "kind": kind, "values": values}
        problem = validate_parameters(values)
        change_set |= (
            {"problem": problem}
            if problem
            else {"declaration": declare(values | {"AWS::Region": self.account.region}, body)}
        )
        stack.change_sets[change_set["id"]] = change_set
        return {"Id": change_set["id"]}

    def describe_change_set(self, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        """Return the changes."""
        change_set = self._find_change_set(ChangeSetName)
        if "problem" in change_set:
            return {"Status": "FAILED", "StatusReason": change_set["problem"]}
        changes = list(_list_changes(change_set["stack"], change_set["declaration"]))
        if not changes:
            return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": each} for each in changes]}

    def delete_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        """Delete a change set."""
        self._find_change_set(ChangeSetName)["stack"].change_sets.pop(ChangeSetName)

    def execute_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        """Start to create or update the stack."""
        change_set = self._find_change_set(ChangeSetName)
        stack: Stack = change_set["stack"]
        stack.change_sets.clear()
        work = self._create if change_set["kind"] == "CREATE" else self._update
        stack.operation = work(stack, change_set["declaration"], change_set["values"])

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        """Start to delete the stack."""
        stack = self._get(StackName)
        stack.operation = self._delete(stack)

    def rollback_stack(self, StackName: str) -> None:  # noqa: N803
        """Nothing leaves a stack in UPDATE_FAILED here, because no caller turns off rollbacks."""
        raise AssertionError(StackName)

    def continue_update_rollback(self, StackName: str) -> None:  # noqa: N803
        """Continue a rollback that failed."""
        stack = self._get(StackName)
        if stack.state != "UPDATE_ROLLBACK_FAILED":
            raise make_error("ValidationError", f"Stack:{StackName} is in {stack.state} state")
        stack.operation = self._roll_back_update(stack, stack.declaration)

    # ---------------------------------------------------------------------------------------------- operations
    def _create(self, stack: Stack, declaration: Declaration, values: Mapping[str, str]) -> Iterator[None]:
        stack.parameters, stack.declaration = values, declaration
        self._enter(stack, "CREATE_IN_PROGRESS")
        for declared in declaration.resources.values():
            yield
            if not self._create_resource(stack, declared):
                self._enter(stack, "ROLLBACK_IN_PROGRESS")
                yield
                yield from self._delete_resources(stack, [*stack.resources], is_rollback=True)
                rest = [each for each in stack.resources.values() if each.status == "DELETE_FAILED"]
                self._enter(stack, "ROLLBACK_FAILED" if rest else "ROLLBACK_COMPLETE")
                return
        self._enter(stack, "CREATE_COMPLETE")

    def _update(self, stack: Stack, declaration: Declaration, values: Mapping[str, str]) -> Iterator[None]:
        before = stack.declaration
        assert before
        self._enter(stack, "UPDATE_IN_PROGRESS")
        for declared in declaration.resources.values():
            yield
            if not self._change_resource(stack, declared):
                yield from self._roll_back_update(stack, before)
                return
        stack.parameters, stack.declaration = values, declaration
        self._enter(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        yield
        removed = [name for name in stack.resources if name not in declaration.resources]
        yield from self._delete_resources(stack, removed)
        self._enter(stack, "UPDATE_COMPLETE")

    def _roll_back_update(self, stack: Stack, before: Declaration | None) -> Iterator[None]:
        assert before
        self._enter(stack, "UPDATE_ROLLBACK_IN_PROGRESS")
        for declared in before.resources.values():
            yield
            if not self._change_resource(stack, declared):
                self._enter(stack, "UPDATE_ROLLBACK_FAILED")
                return
        self._enter(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        yield
        yield from self._delete_resources(stack, [name for name in stack.resources if name not in before.resources])
        self._enter(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _delete(self, stack: Stack) -> Iterator[None]:
        self._enter(stack, "DELETE_IN_PROGRESS")
        yield
        yield from self._delete_resources(stack, [*stack.resources])
        if any(each.status == "DELETE_FAILED" for each in stack.resources.values()):
            self._enter(stack, "DELETE_FAILED")
        else:
            self._enter(stack, "DELETE_COMPLETE")
            del self.stacks[stack.name]

    def _create_resource(self, stack: Stack, declared: Declared) -> bool:
        entry = stack.resources[declared.name] = StackResource(declared, "CREATE_IN_PROGRESS")
        properties = self._read(stack, declared.properties)
        reason = find_refusal(self.account, declared.kind, properties, is_new=True)
        sabotaged = self.sabotage("create", declared.name)
        if not reason and (not sabotaged or self.leaves_failed_resources):
            entry.resource = self.account.add(declared.kind, f"{stack.name}-{declared.name}", properties)
        reason = reason or sabotaged
        entry.status = "CREATE_FAILED" if reason else "CREATE_COMPLETE"
        self._happen(stack, declared.name, entry.status, reason)
        return not reason

    def _change_resource(self, stack: Stack, declared: Declared) -> bool:
        """Create, update or replace a resource if necessary. Return False if this fails."""
        entry = stack.resources.get(declared.name)
        if entry is None or entry.status in {"DELETE_COMPLETE", "CREATE_FAILED"}:
            return self._create_resource(stack, declared)
        properties = self._read(stack, declared.properties)
        assert entry.resource, declared.name
        old = entry.resource.properties
        if properties == old:
            entry.declared = declared
            return True
        changed = {name for name in {*old, *properties} if old.get(name) != properties.get(name)}
        replaced = changed & list_create_only(declared.kind)
        reason = self.sabotage("update", declared.name)
        reason = reason or find_refusal(self.account, declared.kind, properties, is_new=bool(replaced))
        if not reason and replaced:
            obsolete = entry.resource
            entry.resource = self.account.add(declared.kind, f"{stack.name}-{declared.name}", properties)
            if declared.replacement_policy == "Delete":  # AWS does this in the cleanup, and ignores failures
                self.account.remove(obsolete)
        elif not reason:
            entry.resource.properties = properties
            entry.declared = declared
        entry.status = "UPDATE_FAILED" if reason else "UPDATE_COMPLETE"
        self._happen(stack, declared.name, entry.status, reason)
        return not reason

    def _delete_resources(self, stack: Stack, names: list[str], *, is_rollback: bool = False) -> Iterator[None]:
        """Delete resources, each before those that it needs. What a failed one needs is kept."""
        kept: set[str] = set()
        for name in reversed(names):
            entry = stack.resources[name]
            if entry.status in {"DELETE_COMPLETE", "DELETE_SKIPPED"}:
                continue
            yield
            if name in kept:
                kept |= entry.declared.needs
                continue
            if entry.declared.deletion_policy == "Retain" and not is_rollback:
                entry.status = "DELETE_SKIPPED"
                continue
            reason = ""
            if entry.resource is not None:
                reason = self.sabotage("delete", name) or find_deletion_refusal(self.account, entry.resource)
                reason = reason or self.account.remove(entry.resource)
            entry.status = "DELETE_FAILED" if reason else "DELETE_COMPLETE"
            entry.resource = entry.resource if reason else None
            kept |= entry.declared.needs if reason else set()
            self._happen(stack, name, entry.status, reason)

    # ------------------------------------------------------------------------------------------------- details
    def _continue(self, name: str) -> Stack:
        stack = self._get(name)
        for _ in range(STEPS):
            if stack.operation is None or next(stack.operation, self) is self:
                stack.operation = None
                return self._get(name)
        return stack

    def _get(self, name: str) -> Stack:
        if name not in self.stacks:
            raise make_error("ValidationError", f"Stack with id {name} does not exist")
        return self.stacks[name]

    def _find_change_set(self, key: str) -> dict[str, Any]:
        for stack in self.stacks.values():
            if key in stack.change_sets:
                return stack.change_sets[key]
        raise make_error("ChangeSetNotFound", key)

    def _read_body(self, given: Mapping[str, Any]) -> str:
        if "TemplateBody" in given:
            if len(given["TemplateBody"].encode()) > MAX_BODY:
                raise make_error("ValidationError", "Member must have length less than or equal to 51200")
            return str(given["TemplateBody"])
        _, bucket, key = urlsplit(given["TemplateURL"]).path.split("/", 2)
        return S3(self.account)._bucket(bucket)[key].decode()

    def _read(self, stack: Stack, value: Any) -> Any:
        """Return a value with IDs instead of references."""

        def replace(found: "re.Match[str]") -> str:
            entry = stack.resources.get(found[1])
            if entry is None or entry.resource is None:
                return found[0]
            return f"{entry.resource.id}.{found[2]}" if found[2] else entry.resource.id

        if isinstance(value, str):
            return REFERENCE.sub(replace, value)
        return json.loads(REFERENCE.sub(replace, json.dumps(value)))

    def _enter(self, stack: Stack, state: str) -> None:
        stack.state = state
        self._happen(stack, stack.name, state, "")

    def _happen(self, stack: Stack, name: str, status: str, reason: str) -> None:
        event = {"EventId": f"{stack.name}-{len(stack.events)}", "LogicalResourceId": name, "ResourceStatus": status}
        stack.events.append(event | ({"ResourceStatusReason": reason} if reason else {}))


def _list_changes(stack: Stack, declaration: Declaration) -> Iterator[dict[str, str]]:
    """Yield the differences between a stack and a new declaration."""
    before = stack.declaration.resources if stack.declaration else {}
    for name in {**before, **declaration.resources}:
        old, new = before.get(name), declaration.resources.get(name)
        if old and new and old.properties == new.properties:
            continue
        line = {"LogicalResourceId": name, "ResourceType": (new or before[name]).kind}
        yield line | {"Action": "Modify" if old and new else "Add" if new else "Remove"}


@dataclass
class EventPages:
    """The paginator of events."""

    client: CloudFormation

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's name
        """Yield the pages, the newest events first."""
        events = self.client._get(StackName).events[::-1]
        for start in range(0, len(events), PAGE):
            yield {"StackEvents": events[start : start + PAGE]}
