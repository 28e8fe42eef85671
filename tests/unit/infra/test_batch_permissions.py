"""The permissions that the embedded engine asks for, if a call has several entries."""

import importlib
from typing import Any

import pytest

from infra.engines.patches import batch_permissions


@pytest.mark.parametrize(
    ("service", "headers", "query", "action"),
    [
        ("sqs", {"x-amz-target": "AmazonSQS.SendMessageBatch"}, {}, "sqs:SendMessage"),
        ("sqs", {"x-amz-target": "AmazonSQS.SendMessage"}, {}, "sqs:SendMessage"),
        ("sqs", {"x-amz-target": "AmazonSQS.ReceiveMessage"}, {}, "sqs:ReceiveMessage"),
        ("sns", {}, {"Action": ["PublishBatch"]}, "sns:Publish"),
        ("sns", {}, {"Action": ["Subscribe"]}, "sns:Subscribe"),
    ],
)
def test_the_action_is_that_of_aws(
    monkeypatch: pytest.MonkeyPatch, service: str, headers: dict[str, str], query: dict[str, Any], action: str
) -> None:
    """And other calls keep theirs."""
    actions = importlib.import_module("ministack.core.iam_actions")
    monkeypatch.setattr(actions, "extract_iam_action", actions.extract_iam_action)
    batch_permissions.install(actions)
    assert actions.extract_iam_action(service, "POST", "/", headers, b"", query) == action
