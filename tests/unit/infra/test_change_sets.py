"""Deployment by change set, on a CloudFormation double."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deployment import change_sets, packaging, recovery
from infra.deployment import cloudformation as watch
from infra.errors import SetupError
from infra.sessions import Clients, translate_aws_errors

PACKAGES = {name: packaging.Package(name, name.encode()) for name in ("api", "worker", "notifier")}
VALUES = {"CodeBucket": "code", "LinkSeconds": "900"}
PACE = watch.Polling(interval=0, timeout=600)
ADDED = {"Action": "Add", "LogicalResourceId": "JobQueue", "ResourceType": "AWS::SQS::Queue"}


@dataclass
class CloudFormation:
    """Keeps the state of one stack and a list of the calls that change something."""

    state: str | None = None
    holds_images: bool = False
    #: State after a change set has been executed.
    end: str = "CREATE_COMPLETE"
    #: Why a change set can't be made.
    refusal: str = ""
    #: Resource and reason, in the order in which they happen.
    failures: tuple[tuple[str, str], ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    #: How each change set was given its template.
    templates: list[dict[str, Any]] = field(default_factory=list)

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        """Answer as CloudFormation does, a missing stack included."""
        if self.state is None:
            told = {"Error": {"Code": "ValidationError", "Message": "Stack with id safelight does not exist"}}
            raise ClientError(told, "DescribeStacks")  # type: ignore[arg-type]
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        return {"Stacks": [{"StackStatus": self.state, "Parameters": parameters}]}

    def describe_stack_events(self, **_: str) -> dict[str, Any]:
        """Answer with the newest event first."""
        return {"StackEvents": self.events[::-1]}

    def create_change_set(self, **wanted: Any) -> dict[str, str]:
        """Note the kind of the change set."""
        self.calls.append(wanted["ChangeSetType"])
        self.templates.append({name: value for name, value in wanted.items() if name.startswith("Template")})
        self.state = self.state or "REVIEW_IN_PROGRESS"
        return {"Id": "change-set"}

    def describe_change_set(self, **_: str) -> dict[str, Any]:
        """Answer with one change, or with the refusal."""
        if self.refusal:
            return {"Status": "FAILED", "StatusReason": self.refusal}
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": ADDED}]}

    def delete_change_set(self, **_: str) -> None:
        """Note the call."""
        self.calls.append("forget")

    def execute_change_set(self, **_: str) -> None:
        """Let things happen at once."""
        self.calls.append("execute")
        self.state = self.end
        self._happen(*(("CREATE_FAILED", *failure) for failure in self.failures), (self.end, "safelight", ""))

    def delete_stack(self, **_: str) -> None:
        """Note the call and forget the stack."""
        self.calls.append("delete")
        self.state = None
        self._happen(("DELETE_COMPLETE", "safelight", ""))

    def list_stack_resources(self, **_: str) -> dict[str, Any]:
        """Return the bucket of images."""
        bucket = {"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "ImageBucket", "PhysicalResourceId": "images"}
        return {"StackResourceSummaries": [bucket | {"ResourceStatus": "CREATE_COMPLETE"}] if self.holds_images else []}

    def get_paginator(self, name: str) -> "Pages":
        """Page what fits on one page."""
        return Pages(getattr(self, name))

    def _happen(self, *events: tuple[str, str, str]) -> None:
        for status, resource, reason in events:
            event = {"EventId": str(len(self.events)), "ResourceStatus": status, "LogicalResourceId": resource}
            self.events.append(event | {"ResourceStatusReason": reason})


@dataclass
class Pages:
    """One page of whatever the call answers."""

    call: Any

    def paginate(self, **arguments: str) -> Iterator[dict[str, Any]]:
        """Yield the one page."""
        yield self.call(**arguments)


@pytest.fixture(autouse=True)
def buckets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to buckets."""
    done: list[str] = []
    monkeypatch.setattr("infra.deployment.code_bucket.upload_packages", lambda *_: done.append("upload"))
    monkeypatch.setattr("infra.deployment.code_bucket.upload_template", lambda *_: "https://bucket/template.yaml")
    monkeypatch.setattr("infra.deployment.code_bucket.empty_bucket", lambda _, bucket: done.append(f"empty {bucket}"))
    monkeypatch.setattr("infra.deployment.code_bucket.delete_bucket", lambda _, bucket: done.append(f"remove {bucket}"))
    return done


def target(cloudformation: CloudFormation) -> watch.Target:
    """Reach the stack by way of the double."""
    double: Any = cloudformation
    return watch.Target(Clients(double, double, double, "us-east-1"), "safelight", PACE)


def test_a_missing_stack_is_created() -> None:
    """The change set is of type CREATE."""
    aws = CloudFormation()
    assert change_sets.deploy(target(aws), PACKAGES, VALUES)
    assert aws.calls == ["CREATE", "execute"]


@pytest.mark.parametrize(("length", "goes_by"), [(51_200, "TemplateBody"), (51_201, "TemplateURL")])
def test_a_long_template_is_uploaded(
    length: int, goes_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation accepts 51,200 bytes in a request; a longer template is passed by URL."""
    long = tmp_path / "template.yaml"
    long.write_text("#" * length, encoding="utf-8")
    monkeypatch.setattr("infra.deployment.template.TEMPLATE", long)
    aws = CloudFormation()
    assert change_sets.deploy(target(aws), PACKAGES, VALUES)
    expected = {"TemplateBody": "#" * length, "TemplateURL": "https://bucket/template.yaml"}
    assert aws.templates == [{goes_by: expected[goes_by]}]


def test_an_existing_stack_is_updated() -> None:
    """The change set is of type UPDATE, and deploy waits for its end."""
    aws = CloudFormation(state="CREATE_COMPLETE", end="UPDATE_COMPLETE")
    assert change_sets.deploy(target(aws), PACKAGES, VALUES)
    assert aws.calls == ["UPDATE", "execute"]


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes. Submit …", "No updates are to be performed."]
)
def test_an_empty_change_set_is_success(reason: str) -> None:
    """A change set without changes is deleted."""
    aws = CloudFormation(state="UPDATE_COMPLETE", refusal=reason)
    assert not change_sets.deploy(target(aws), PACKAGES, VALUES)
    assert aws.calls == ["UPDATE", "forget"]


def test_a_rejected_template_shows_the_reason() -> None:
    """Any other failure of the change set is an error."""
    aws = CloudFormation(refusal="Circular dependency between resources")
    with pytest.raises(SetupError, match="Circular dependency"):
        change_sets.deploy(target(aws), PACKAGES, VALUES)


def test_declined_changes_leave_no_stack() -> None:
    """Declining the first deployment deletes the empty stack."""
    aws = CloudFormation()
    shown: list[change_sets.Changes] = []

    def decline(changes: change_sets.Changes) -> bool:
        shown.append(changes)
        return False

    assert not change_sets.deploy(target(aws), PACKAGES, VALUES, decline)
    assert shown == [[watch.Change("Add", "JobQueue", "AWS::SQS::Queue")]]
    assert aws.calls == ["CREATE", "forget", "delete"]


def test_the_first_failure_comes_first() -> None:
    """Cancelled resources are left out."""
    aws = CloudFormation(
        end="ROLLBACK_COMPLETE",
        failures=(("JobTable", "Table already exists"), ("JobQueue", "Resource creation cancelled")),
    )
    with pytest.raises(SetupError, match=r"could not be deployed: JobTable: Table already exists$"):
        change_sets.deploy(target(aws), PACKAGES, VALUES)


def test_a_rolled_back_creation_is_replaced() -> None:
    """CloudFormation cannot update such a stack, so it is deleted first."""
    aws = CloudFormation(state="ROLLBACK_COMPLETE")
    assert change_sets.deploy(target(aws), PACKAGES, VALUES)
    assert aws.calls == ["delete", "CREATE", "execute"]


def test_a_busy_stack_is_refused() -> None:
    """Nothing starts while another update runs."""
    aws = CloudFormation(state="UPDATE_IN_PROGRESS")
    with pytest.raises(SetupError, match="busy"):
        change_sets.deploy(target(aws), PACKAGES, VALUES)
    assert aws.calls == []


def test_a_protected_stack_is_not_destroyed(buckets: list[str]) -> None:
    """It is refused before any object is deleted."""
    aws = CloudFormation(state="CREATE_COMPLETE", parameters={"ProtectData": "true", "CodeBucket": "code"})
    with pytest.raises(SetupError, match="ProtectData=false"):
        recovery.destroy(target(aws))
    assert (aws.calls, buckets) == ([], [])


def test_destroy_empties_the_buckets(buckets: list[str]) -> None:
    """The image bucket before the stack is deleted, the code bucket after."""
    parameters = {"ProtectData": "false", "CodeBucket": "code"}
    aws = CloudFormation(state="CREATE_COMPLETE", holds_images=True, parameters=parameters)
    assert recovery.destroy(target(aws))
    assert aws.calls == ["delete"]
    assert buckets == ["empty images", "remove code"]
    assert not recovery.destroy(target(aws))


def test_an_aws_error_becomes_a_sentence() -> None:
    """It names the operation, the reason and the code."""
    told = {"Error": {"Code": "AccessDenied", "Message": "not you"}}
    with (
        pytest.raises(SetupError, match=r"^CreateStack was refused: not you \(AccessDenied\)$"),
        translate_aws_errors(),
    ):
        raise ClientError(told, "CreateStack")  # type: ignore[arg-type]
