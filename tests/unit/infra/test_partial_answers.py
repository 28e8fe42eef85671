"""Answers of AWS that report failures or more pages, in the deployment."""

from typing import Any

import pytest

from infra.deployment import cloudformation, code_bucket, recovery
from infra.errors import SetupError
from infra.sessions import Clients


class Aws:
    """Any service: each method returns the given answer. A paginator returns all given pages."""

    def __init__(self, **answers: Any) -> None:
        """Use an answer, or a list of pages, for each method."""
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        """Return a method."""
        return lambda **_: self.answers[name]

    def get_paginator(self, name: str) -> Any:
        """Return a paginator."""
        return type("Paginator", (), {"paginate": lambda _self, **_: iter(self.answers[name])})()


def target(aws: Aws) -> cloudformation.Target:
    """Return a stack whose services are all ``aws``."""
    double: Any = aws
    clients = Clients(double, double, double, "eu-west-1", connect=lambda _service: double)
    return cloudformation.Target(clients, "safelight", cloudformation.Polling(interval=0, timeout=60))


def test_objects_that_are_not_deleted_are_reported() -> None:
    """S3 answers with status 200. Without an error, the deletion of the bucket would fail with a misleading one."""
    pages = [{"Versions": [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "1"}]}]
    errors = {"Errors": [{"Key": "b", "Code": "AccessDenied", "Message": "Access Denied"}]}
    with pytest.raises(SetupError, match="s3://code/b could not be deleted: Access Denied"):
        code_bucket.empty_bucket(target(Aws(list_object_versions=pages, delete_objects=errors)).clients, "code")


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (recovery._is_empty_bucket, {"list_object_versions": {"IsTruncated": True}}),
        (recovery._is_empty_table, {"scan": {"Count": 0, "LastEvaluatedKey": {"ID": {"S": "a"}}}}),
        (recovery._is_empty_pool, {"list_users": {"Users": [], "PaginationToken": "more"}}),
    ],
)
def test_an_empty_page_does_not_show_that_a_resource_is_empty(check: Any, answer: dict[str, Any]) -> None:
    """More pages follow, so the resource must not be deleted."""
    assert not check(target(Aws(**answer)), "name")


def test_failures_of_earlier_deployments_are_not_reported() -> None:
    """They are on later pages than the events that were seen before this deployment."""

    def event(number: int, status: str = "CREATE_COMPLETE", reason: str = "") -> dict[str, str]:
        return {
            "EventId": str(number),
            "LogicalResourceId": f"R{number}",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }

    newest = [event(5), event(4, "UPDATE_FAILED", "the reason"), event(3)]
    older = [event(2), event(1, "CREATE_FAILED", "long ago")]
    aws = Aws(describe_stack_events=[{"StackEvents": newest}, {"StackEvents": older}])
    assert cloudformation.failure_reasons(target(aws), frozenset({"3"})) == ["R4: the reason"]
