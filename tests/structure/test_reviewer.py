"""Reviewers can read what docs/security.md promises, in the way in which AWS lets them read it."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.resolved_template import TEMPLATE, Resolver

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
#: An action, and what is needed to see its result.
NEEDS = {"logs:StartQuery": "logs:GetQueryResults", "logs:GetLogEvents": "logs:DescribeLogStreams"}
#: Actions whose result is encrypted with KmsKeyArn.
ENCRYPTED = {"s3:GetObject", "dynamodb:GetItem", "lambda:GetFunctionConfiguration"}
#: Tables that reviewers cannot read: secrets, URLs with tokens, stored responses.
UNREADABLE = {"WebhookSecretTable", "WebhookTable", "IdempotencyTable"}


def list_statements(**parameters: str) -> list[dict[str, Any]]:
    """Return the statements of the reviewers' policy."""
    policy = Resolver(Reviewer="true", **parameters).resource("ReviewerPolicy")
    assert policy is not None
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def as_list(value: Any) -> list[str]:
    """Return a value of a policy as a list."""
    return value if isinstance(value, list) else [value]


def list_actions(**parameters: str) -> set[str]:
    """Return the actions of the reviewers' policy."""
    return {action for statement in list_statements(**parameters) for action in as_list(statement["Action"])}


def find_resources(action: str) -> set[str]:
    """Return the logical IDs of the resources of an action."""
    found = list_statements(ImportBuckets="ours", WatchBuckets="ours")
    text = str([each["Resource"] for each in found if action in as_list(each["Action"])])
    return {*re.findall(r"<(\w+)", text)}


def of_type(kind: str) -> set[str]:
    """Return the logical IDs of a type."""
    return {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == kind}


def test_page_has_every_statement() -> None:
    """One row for each, in the same order, with its actions."""
    section = PAGE.partition("## Give reviewers access")[2].partition("\n## ")[0]
    rows = [re.findall(r"`([a-z0-9]+:\w+)`", line) for line in section.splitlines() if line.startswith("| ")]
    assert [each for each in rows if each] == [as_list(each["Action"]) for each in list_statements(KmsKeyArn=KEY)]


@pytest.mark.parametrize(("action", "need"), NEEDS.items())
def test_results_can_be_read(action: str, need: str) -> None:
    """A query of Logs Insights is useless without its results."""
    assert {action, need} <= list_actions()


def test_encrypted_data_can_be_read() -> None:
    """With the key, and only if there is one."""
    assert list_actions() >= ENCRYPTED
    (statement,) = [each for each in list_statements(KmsKeyArn=KEY) if "kms:Decrypt" in as_list(each["Action"])]
    assert statement["Resource"] == KEY
    assert "kms:Decrypt" not in list_actions()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("lambda:GetFunctionConfiguration", of_type("AWS::Serverless::Function")),
        ("sqs:GetQueueAttributes", of_type("AWS::SQS::Queue")),
        ("logs:GetLogEvents", of_type("AWS::Logs::LogGroup") - {"AccessLogGroup"}),
        ("dynamodb:GetItem", of_type("AWS::DynamoDB::Table") - UNREADABLE),
        ("s3:GetObject", {"ImageBucket"}),
    ],
)
def test_every_resource_of_a_kind_is_covered(action: str, expected: set[str]) -> None:
    """A new function, queue, table or log group needs a decision."""
    assert find_resources(action) == expected
