"""Permissions that the functions used in the end-to-end tests, compared with the template.

With CALLS_FOLDER set, as in `make e2e`, each engine writes two files there: the decisions of its IAM
(tests/support/recorder), and the deployed policies of the roles.
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
RESOURCES: dict[str, Any] = template.load_template()["Resources"]
ROLES = tuple(name for name, each in RESOURCES.items() if each["Type"] == "AWS::IAM::Role")
_CALLS, _POLICIES = ".calls", ".policies.json"


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One action on one resource that a statement of the template allows."""

    role: str
    sid: str
    action: str
    #: As the template writes it.
    resource: str


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A call of a function that IAM refused."""

    role: str
    action: str
    resource: str


def make_engine_environment(name: str) -> dict[str, str]:
    """Return the variables with which the embedded engine records, or none without CALLS_FOLDER."""
    if FOLDER is None:
        return {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    recorder = Path(__file__).with_name("recorder")
    return {"PYTHONPATH": str(recorder), "CALLS_FILE": str(FOLDER / f"{name}{_CALLS}")}


def save_policies(endpoint_url: str, stack_name: str) -> None:
    """Write the deployed policies of the roles of a stack. Do nothing without CALLS_FOLDER."""
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


def list_granted() -> set[Permission]:
    """Return every permission of the inline policies of the template."""
    return {
        Permission(role, statement["Sid"], action, _format_resource(resource))
        for role in ROLES
        for statement in _list_statements(role)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def list_used(folder: Path) -> set[Permission]:
    """Return every permission that a function used. Raise KeyError if a deployed policy is not in the template."""
    return {each for each in _read_decisions(folder) if isinstance(each, Permission)}


def list_refused(folder: Path) -> set[Refusal]:
    """Return every refused call of a function."""
    return {each for each in _read_decisions(folder) if isinstance(each, Refusal)}


def as_list(value: Any) -> list[Any]:
    """Return a list for one value or several."""
    return value if isinstance(value, list) else [value]


def _read_decisions(folder: Path) -> Iterator[Permission | Refusal]:
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
                # A call that only a resource policy allows is not allowed by the role.
                own = sids & {statement["Sid"] for statement in role["statements"]}
                if own or not sids & _list_optional_sids():
                    yield from _match_call(role, action, resource, min(own, default=""))


def _match_call(deployed: Mapping[str, Any], action: str, resource: str, sid: str) -> Iterator[Permission | Refusal]:
    role = deployed["role"]
    if not sid:
        yield Refusal(role, action, resource)
        return
    declared = {statement["Sid"]: statement for statement in _list_statements(role)}[sid]
    (statement,) = [each for each in deployed["statements"] if each["Sid"] == sid]
    pairs = zip(as_list(declared["Resource"]), as_list(statement["Resource"]), strict=True)
    yield from (
        Permission(role, sid, action, _format_resource(text)) for text, arn in pairs if fnmatchcase(resource, arn)
    )


def _list_optional_sids() -> set[str]:
    """Return the Sids of the optional policies that the template attaches to roles."""
    attached = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::IAM::ManagedPolicy"]
    return {
        statement["Sid"]
        for each in attached
        if "Groups" not in each
        for statement in each["PolicyDocument"]["Statement"]
    }


def _list_statements(role: str) -> list[dict[str, Any]]:
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _document(answer: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = answer["PolicyDocument"]
    return document


def _format_resource(resource: Mapping[str, Any]) -> str:
    """Return a resource in one line, without the braces of its reference."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    return re.sub(r"\$\{([^}]+?)(\.Arn)?\}", r"\1", str(resource.get("Fn::Sub", resource)))
