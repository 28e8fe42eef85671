"""A double of CloudFormation whose operations fail as on AWS, and which honors deletion protection."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment import recovery

RESOURCES = {
    "JobTable": recovery.TABLE,
    "ImageBucket": recovery.BUCKET,
    "UiBucket": recovery.BUCKET,
    "CallerPool": recovery.USER_POOL,
    "JobQueue": "AWS::SQS::Queue",
}


@dataclass
class Resource:
    """A resource that exists."""

    kind: str
    is_protected: bool = False
    #: Objects, items or users in it.
    count: int = 0


@dataclass
class FailingAws:
    """CloudFormation with one stack, and the S3, DynamoDB and Cognito of its resources."""

    state: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    #: Logical ID of the resource that fails to be created.
    failing: str | None = None
    #: Logical ID of the resource that fails to be updated.
    failing_update: str | None = None
    calls: list[str] = field(default_factory=list)
    _events: list[dict[str, str]] = field(default_factory=list)
    _change_set: dict[str, Any] = field(default_factory=dict)

    def exist(self, *, is_protected: bool = False, count: int = 0, of: str = "") -> "FailingAws":
        """Create all resources; the one named ``of`` has this count."""
        for name, kind in RESOURCES.items():
            protected = is_protected and kind in {recovery.TABLE, recovery.USER_POOL}
            self.resources[name] = Resource(kind, protected, count if name == of else 0)
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        """Return the stack."""
        if self.state is None:
            raise _error("ValidationError", "Stack with id safelight does not exist")
        lines = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        return {"Stacks": [{"StackStatus": self.state, "Parameters": lines}]}

    def describe_stack_events(self, **_: str) -> dict[str, Any]:
        """Return all events, the newest first."""
        return {"StackEvents": self._events[::-1]}

    def list_stack_resources(self, **_: str) -> dict[str, Any]:
        """Return the resources, and one that is already deleted."""
        gone = {"ResourceType": recovery.BUCKET, "LogicalResourceId": "Old", "ResourceStatus": "DELETE_COMPLETE"}
        lines = [
            {
                "ResourceType": each.kind,
                "LogicalResourceId": name,
                "PhysicalResourceId": name,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, each in self.resources.items()
        ]
        return {"StackResourceSummaries": [gone, *lines]}

    def create_change_set(self, **wanted: Any) -> dict[str, str]:
        """Store the change set. Only a stack without resources can be created."""
        is_new = self.state in {None, "REVIEW_IN_PROGRESS"}
        assert (wanted["ChangeSetType"] == "CREATE") == is_new, (wanted["ChangeSetType"], self.state)
        assert is_new or self.state in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}, self.state
        self.state = self.state or "REVIEW_IN_PROGRESS"
        self._change_set = wanted
        return {"Id": "change-set"}

    def describe_change_set(self, **_: str) -> dict[str, Any]:
        """Return one change."""
        change = {"Action": "Add", "LogicalResourceId": "JobQueue", "ResourceType": "AWS::SQS::Queue"}
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change}]}

    def execute_change_set(self, **_: str) -> None:
        """Create or update the resources, one after the other, or roll back."""
        kind = self._change_set["ChangeSetType"]
        values = {line["ParameterKey"]: line["ParameterValue"] for line in self._change_set["Parameters"]}
        self.calls.append(f"{kind} {values['ProtectData']}")
        if kind == "CREATE":
            self.parameters = values
            self._create(is_protected=values["ProtectData"] == "true")
        elif self.failing_update:
            self._happen("UPDATE_FAILED", self.failing_update, "Throttled")
            self._end("UPDATE_ROLLBACK_COMPLETE")
        else:
            self.parameters = values
            self.exist(is_protected=values["ProtectData"] == "true")
            self._end("UPDATE_COMPLETE")

    def _create(self, *, is_protected: bool) -> None:
        for name, kind in RESOURCES.items():
            if name == self.failing:
                self._happen("CREATE_FAILED", name, "Quota exceeded")
                self._end("ROLLBACK_COMPLETE" if self._delete_all() else "ROLLBACK_FAILED")
                return
            assert name not in self.resources, f"{name} already exists"
            protected = is_protected and kind in {recovery.TABLE, recovery.USER_POOL}
            self.resources[name] = Resource(kind, protected)
        self._end("CREATE_COMPLETE")

    def delete_stack(self, **_: str) -> None:
        """Delete all resources that can be deleted."""
        self.calls.append("delete")
        is_gone = self._delete_all()
        self._end("DELETE_COMPLETE" if is_gone else "DELETE_FAILED")
        self.state = None if is_gone else "DELETE_FAILED"

    def _delete_all(self) -> bool:
        for name, each in list(self.resources.items()):
            if each.is_protected or (each.kind == recovery.BUCKET and each.count):
                self._happen("DELETE_FAILED", name, "is protected or not empty")
            else:
                del self.resources[name]
        return not self.resources

    def continue_update_rollback(self, **_: str) -> None:
        """Finish a rollback."""
        self.calls.append("continue")
        self._end("UPDATE_ROLLBACK_COMPLETE")

    def rollback_stack(self, **_: str) -> None:
        """Roll back an update that was not rolled back."""
        self.calls.append("roll back")
        self._end("UPDATE_ROLLBACK_COMPLETE")

    def list_object_versions(self, Bucket: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - S3's name
        """Return the objects of a bucket."""
        return {"Versions": [{"Key": str(key), "VersionId": "1"} for key in range(self.resources[Bucket].count)]}

    def delete_objects(self, Bucket: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - S3's name
        """Empty a bucket."""
        self.calls.append(f"empty {Bucket}")
        self.resources[Bucket].count = 0
        return {}

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """Return the protection of a table."""
        return {"Table": {"DeletionProtectionEnabled": self._find(TableName).is_protected}}

    def scan(self, TableName: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """Return the number of items."""
        return {"Count": self._find(TableName).count}

    def update_table(self, TableName: str, **_: Any) -> None:  # noqa: N803 - DynamoDB's name
        """Turn off the protection."""
        self.calls.append(f"release {TableName}")
        self._find(TableName).is_protected = False

    def describe_user_pool(self, UserPoolId: str) -> dict[str, Any]:  # noqa: N803 - Cognito's name
        """Return the protection of a user pool."""
        return {"UserPool": {"DeletionProtection": "ACTIVE" if self._find(UserPoolId).is_protected else "INACTIVE"}}

    def list_users(self, UserPoolId: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - Cognito's name
        """Return the users."""
        return {"Users": [{}] * self._find(UserPoolId).count}

    def update_user_pool(self, UserPoolId: str, **_: Any) -> None:  # noqa: N803 - Cognito's name
        """Turn off the protection."""
        self.calls.append(f"release {UserPoolId}")
        self._find(UserPoolId).is_protected = False

    def get_waiter(self, _name: str) -> "FailingAws":
        """Return a waiter that need not wait."""
        return self

    def wait(self, **_: str) -> None:
        """Return immediately."""

    def get_paginator(self, name: str) -> "Pages":
        """Return all results on one page."""
        return Pages(getattr(self, name))

    def _find(self, name: str) -> Resource:
        if name not in self.resources:
            raise _error("ResourceNotFoundException", name)
        return self.resources[name]

    def _end(self, state: str) -> None:
        self.state = state
        self._happen(state, "safelight", "")

    def _happen(self, status: str, resource: str, reason: str) -> None:
        event = {"EventId": str(len(self._events)), "ResourceStatus": status, "LogicalResourceId": resource}
        self._events.append(event | {"ResourceStatusReason": reason})


@dataclass
class Pages:
    """A paginator with one page."""

    call: Any

    def paginate(self, **arguments: str) -> Iterator[dict[str, Any]]:
        """Yield the page."""
        yield self.call(**arguments)


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
