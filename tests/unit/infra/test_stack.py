"""The description of a running stack."""

import json
from pathlib import Path

import pytest

from infra import local_stack
from infra.stack import Stack

OUTPUTS = {
    "ApiId": "abc123",
    "StageName": "prod",
    "ImageBucketName": "bucket",
    "UiBucketName": "page",
    "TableName": "safelight-Images",
    "JobQueueUrl": "http://localhost:4566/0/safelight-jobs",
    "BulkQueueUrl": "http://localhost:4566/0/safelight-bulk",
    "DeadLetterQueueUrl": "http://localhost:4566/0/safelight-dead-letters",
    "ApiFunctionName": "safelight-api",
    "WorkerFunctionName": "safelight-worker",
    "UploadFunctionName": "safelight-uploads",
    "DeadLetterFunctionName": "safelight-dead-letters",
    "ReconcilerFunctionName": "safelight-reconciler",
    "WalkerFunctionName": "safelight-walker",
    "NotifierFunctionName": "safelight-notifier",
    "WebhookFunctionName": "safelight-webhooks",
}
FIELDS = [
    *("engine", "endpoint_url", "api_url", "ui_url", "bucket", "table"),
    *("queue_url", "bulk_queue_url", "dead_letter_queue_url", "functions"),
]


@pytest.fixture
def stack() -> Stack:
    """A stack on a local engine."""
    return Stack.from_outputs(OUTPUTS, engine="embedded", endpoint_url="http://127.0.0.1:4566")


def test_json_has_exactly_the_documented_fields(stack: Stack) -> None:
    """The same ten fields on every engine."""
    assert list(json.loads(stack.to_json())) == FIELDS
    assert stack.functions == {
        "api": "safelight-api",
        "worker": "safelight-worker",
        "uploads": "safelight-uploads",
        "dead_letters": "safelight-dead-letters",
        "reconciler": "safelight-reconciler",
        "walker": "safelight-walker",
        "notifier": "safelight-notifier",
        "webhooks": "safelight-webhooks",
    }


def test_json_can_be_read_back(stack: Stack, tmp_path: Path) -> None:
    """A saved stack equals the original."""
    stack.save(local_stack.stack_path(tmp_path))
    assert local_stack.read_current_stack(tmp_path) == stack


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engine": "embedded"}', "{"])
def test_a_damaged_file_is_ignored(text: str, tmp_path: Path) -> None:
    """The next `up` writes it again."""
    local_stack.stack_path(tmp_path).write_text(text)
    assert local_stack.read_current_stack(tmp_path) is None


def test_local_addresses_start_with_the_engine(stack: Stack) -> None:
    """The API is below the engine's address and ends in its version."""
    assert stack.api_url == "http://127.0.0.1:4566/_aws/execute-api/abc123/prod/v1"
    assert stack.ui_url == "http://127.0.0.1:4566/page/index.html"


def test_aws_addresses_come_from_the_outputs() -> None:
    """The API has its own address, and there is no endpoint."""
    api = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/v1"
    stack = Stack.from_outputs({**OUTPUTS, "ApiUrl": api}, engine="aws", endpoint_url="")
    assert (stack.api_url, stack.endpoint_url) == (api, "")
    assert stack.ui_url == "", "the bucket of the page is private"


def test_a_published_page_has_an_address_on_aws() -> None:
    """From the output UiUrl."""
    public = {"ApiUrl": "https://abc123.test/prod/v1", "UiUrl": "https://page.s3.eu-west-1.amazonaws.com/index.html"}
    stack = Stack.from_outputs({**OUTPUTS, **public}, engine="aws", endpoint_url="")
    assert stack.ui_url == public["UiUrl"]
