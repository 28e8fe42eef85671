"""Which rights the functions of the end-to-end tests have used: recorded by each engine, compared with the template.

With CALLS_FOLDER in the environment, as `make e2e` has it, each engine writes two files there: what its IAM has
decided (tests/support/recorder), and the policies that CloudFormation made of the template for it.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from infra.deployment import template
from infra.sessions import local_session

FOLDER = Path(os.environ["CALLS_FOLDER"]) if "CALLS_FOLDER" in os.environ else None
RESOURCES: dict[str, Any] = template.load()["Resources"]
ROLES = tuple(name for name, each in RESOURCES.items() if each["Type"] == "AWS::IAM::Role")
_CALLS, _POLICIES = ".calls", ".policies.json"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One action on one resource, as a statement of the template grants it."""

    role: str
    sid: str
    action: str
    #: As the template writes it.
    resource: str


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A call that a function made and IAM refused."""

    role: str
    action: str
    resource: str


def engine_environment(name: str) -> dict[str, str]:
    """Return what the embedded engine of this stack needs beside its own, to record; nothing where nobody asked."""
    if FOLDER is None:
        return {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    recorder = Path(__file__).with_name("recorder")
    return {"PYTHONPATH": str(recorder), "CALLS_FILE": str(FOLDER / f"{name}{_CALLS}")}


def keep_policies(endpoint_url: str, stack_name: str) -> None:
    """Write the policies of the stack's roles as they are deployed, if the engine records."""
    if FOLDER is None:
        return
    session = local_session(endpoint_url)
    iam = session.client("iam")
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    physical = {
        line["LogicalResourceId"]: line["PhysicalResourceId"]
        for page in pages
        for line in page["StackResourceSummaries"]
    }
    found = {
        physical[role]: {
            "role": role,
            "statements": [
                statement
                for name in iam.list_role_policies(RoleName=physical[role])["PolicyNames"]
                for statement in _document(iam.get_role_policy(RoleName=physical[role], PolicyName=name))["Statement"]
            ],
        }
        for role in ROLES
    }
    (FOLDER / f"{stack_name}{_POLICIES}").write_text(json.dumps(found), encoding="utf-8")


def granted() -> set[Right]:
    """Return every right that the template's roles have by their own policies."""
    return {
        Right(role, statement["Sid"], action, _text(resource))
        for role in ROLES
        for statement in _declared(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def used(folder: Path) -> set[Right]:
    """Return every right that some function has used. Raises KeyError where policies are not the template's."""
    return {each for each in _decisions(folder) if isinstance(each, Right)}


def refused(folder: Path) -> set[Refusal]:
    """Return every call of a function that was refused."""
    return {each for each in _decisions(folder) if isinstance(each, Refusal)}


def listed(value: Any) -> list[Any]:
    """Return what a policy states as one or as several."""
    return value if isinstance(value, list) else [value]


def _decisions(folder: Path) -> Iterator[Right | Refusal]:
    for path in sorted(folder.glob(f"*{_POLICIES}")):
        deployed = json.loads(path.read_text("utf-8"))
        calls = path.with_name(path.name.removesuffix(_POLICIES) + _CALLS)
        lines = [json.loads(line) for line in calls.read_text("utf-8").splitlines()]
        by_call: dict[tuple[str, ...], set[str]] = {}
        for *call, decision, sid in lines:
            by_call.setdefault(tuple(call), set()).update({sid} if decision == "Allow" else ())
        for (caller, action, resource), sids in by_call.items():
            name = re.search(r":assumed-role/([^/]+)/", caller)
            if name and name[1] in deployed:
                role = deployed[name[1]]
                # The policy of a bucket, queue or topic is asked too; what only that one allows, the role does not.
                own = sids & {statement["Sid"] for statement in role["statements"]}
                if own or not sids & _by_condition():
                    yield from _of_call(role, action, resource, min(own, default=""))


def _of_call(deployed: Mapping[str, Any], action: str, resource: str, sid: str) -> Iterator[Right | Refusal]:
    role = deployed["role"]
    if not sid:
        yield Refusal(role, action, resource)
        return
    declared = {statement["Sid"]: statement for statement in _declared(role)}[sid]
    (statement,) = [each for each in deployed["statements"] if each["Sid"] == sid]
    pairs = zip(listed(declared["Resource"]), listed(statement["Resource"]), strict=True)
    yield from (Right(role, sid, action, _text(text)) for text, arn in pairs if fnmatchcase(resource, arn))


def _by_condition() -> set[str]:
    """Return the names of what roles may do on request only, by policies that the template attaches to them."""
    attached = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::IAM::ManagedPolicy"]
    return {
        statement["Sid"] for each in attached if "Roles" in each for statement in each["PolicyDocument"]["Statement"]
    }


def _declared(role: str) -> list[dict[str, Any]]:
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _document(answer: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = answer["PolicyDocument"]
    return document


def _text(resource: Mapping[str, Any]) -> str:
    """Write a resource in one line, without the braces of its reference."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    return re.sub(r"\$\{([^}]+?)(\.Arn)?\}", r"\1", str(resource.get("Fn::Sub", resource)))
