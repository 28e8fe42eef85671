"""What CloudFormation must create before what: functions and mappings wait for every permission they need."""

from typing import Any

import pytest
from support.strict_aws.declarations import Declaration, declare
from support.strict_aws.deployment import EVERYTHING

CODE = dict.fromkeys(("CodeBucket", "ApiCodeKey", "WorkerCodeKey", "NotifierCodeKey"), "x")
STACK = declare(CODE | EVERYTHING)


def of_type(kind: str) -> list[str]:
    """Return the resources of a type."""
    return [name for name, each in STACK.resources.items() if each.kind == kind]


def list_policies(stack: Declaration, role: str) -> set[str]:
    """Return the policies that are attached to a role, whichever of both names the other."""
    named: list[Any] = stack.resources[role].properties.get("ManagedPolicyArns", [])
    return {
        name
        for name, each in stack.resources.items()
        if each.kind == "AWS::IAM::ManagedPolicy"
        and (f"<{name}>" in named or f"<{role}>" in each.properties.get("Roles", []))
    }


@pytest.mark.parametrize("function", of_type("AWS::Lambda::Function"))
def test_functions_wait_for_all_policies_of_their_roles(function: str) -> None:
    """Lambda refuses a function in a VPC, or with tracing, before its role has the permissions."""
    role = STACK.resources[function].properties["Role"].removeprefix("<").removesuffix(".Arn>")
    policies = list_policies(STACK, role)
    assert {"NetworkPolicy", "KeyPolicy", "TracingPolicy"} <= policies
    assert {role, *policies} <= STACK.find_all_needs(function)
    assert f"{function.removesuffix('Function')}LogGroup" in STACK.find_all_needs(function)


@pytest.mark.parametrize("mapping", of_type("AWS::Lambda::EventSourceMapping"))
def test_mappings_wait_for_all_policies_of_their_function(mapping: str) -> None:
    """Lambda checks whether the role can read the queue or the stream, and can use its key."""
    function = STACK.resources[mapping].properties["FunctionName"].strip("<>")
    assert STACK.find_all_needs(function) | {function} <= STACK.find_all_needs(mapping)


@pytest.mark.parametrize("policy", of_type("AWS::IAM::ManagedPolicy"))
def test_policies_outlive_their_functions(policy: str) -> None:
    """Lambda deletes the network interfaces of a function with its role, so the policy is deleted later."""
    functions = [name for name in of_type("AWS::Lambda::Function") if policy in STACK.find_all_needs(name)]
    assert bool(functions) == (policy != "ReviewerPolicy")
    assert not {*functions} & STACK.find_all_needs(policy) or policy == "ReviewerPolicy"


def test_the_bucket_waits_for_the_policies_of_its_queues() -> None:
    """S3 sends a test message when its notifications are configured."""
    assert {"JobQueuePolicy", "BulkQueuePolicy", "UploadQueuePolicy"} <= STACK.find_all_needs("ImageBucket")
