"""Delete stacks, and recover stacks whose last operation failed.

CloudFormation cannot update a stack whose creation or deletion failed. Such a stack must be deleted, which fails while
a table has deletion protection. A deployment deletes only stacks without data. It turns off the deletion protection
only of empty resources.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.deployment import cloudformation, code_bucket
from infra.errors import SetupError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient

#: States of a stack that can only be deleted.
UNUSABLE: Final = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
#: State of a stack that contains only a change set.
NEW: Final = "REVIEW_IN_PROGRESS"
BUCKET: Final = "AWS::S3::Bucket"
TABLE: Final = "AWS::DynamoDB::Table"
USER_POOL: Final = "AWS::Cognito::UserPool"
#: Logical ID of the bucket with the files of the web page, which every deployment uploads.
UI_BUCKET: Final = "UiBucket"
_MISSING: Final = frozenset({"404", "NoSuchBucket", "ResourceNotFoundException"})
#: A second attempt helps if a client uploaded an image between the emptying and the deletion of the bucket.
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a stack that holds data."""

    kind: str
    logical_id: str
    name: str


def prepare_stack(target: cloudformation.Target) -> "StackTypeDef | None":
    """Return the stack in a state in which it can be updated, or None if it does not exist or contains no resource.

    A failed update is rolled back. A stack that can only be deleted is deleted. Raises SetupError if this stack
    contains data, or if another operation is running.
    """
    stack = cloudformation.wait_for_cleanup(target)
    if stack is None or stack["StackStatus"] == NEW:
        return None
    state = stack["StackStatus"]
    if state in UNUSABLE:
        found = list(_list_data(target))
        _require_empty(target, found)
        _release(target, found)
        delete_stack(target)
        return None
    if state in _ROLLBACKS:
        _roll_back(target, state)
        return cloudformation.describe_stack(target)
    _require_idle(target, stack)
    return stack


def destroy(target: cloudformation.Target) -> bool:
    """Empty the buckets and delete the stack; return False if there is no stack.

    Raises SetupError if the data is protected, if another operation is running, or if the deletion fails.
    """
    stack = cloudformation.wait_for_cleanup(target)
    if stack is None:
        return False
    parameters = cloudformation.get_parameters(stack)
    if stack["StackStatus"] not in {*UNUSABLE, NEW}:
        _require_idle(target, stack)
        if parameters.get("ProtectData") == "true":
            raise SetupError(f"The data of {target.stack_name} is protected: deploy with ProtectData=false first.")
    for attempt in range(1, _ATTEMPTS + 1):
        found = list(_list_data(target))
        _release(target, found)
        for bucket in found:
            if bucket.kind == BUCKET:
                code_bucket.empty_bucket(target.clients, bucket.name)
        try:
            delete_stack(target)
            break
        except SetupError:
            if attempt == _ATTEMPTS:
                raise
    if "CodeBucket" in parameters:
        code_bucket.delete_bucket(target.clients, parameters["CodeBucket"])
    return True


def delete_stack(target: cloudformation.Target) -> None:
    """Delete the stack. Raises SetupError, with the first errors that CloudFormation reported, if this fails."""
    seen = cloudformation.get_event_ids(target)
    target.clients.cloudformation.delete_stack(StackName=target.stack_name)
    state = cloudformation.wait_for_end(target, seen)
    if state != "DELETE_COMPLETE":
        reasons = cloudformation.failure_reasons(target, seen) or [state]
        raise SetupError(f"The stack {target.stack_name} could not be deleted: {'; '.join(reasons)}")


#: What to call if an update failed in this state. The result is UPDATE_ROLLBACK_COMPLETE.
_ROLLBACKS: Final[Mapping[str, str]] = {
    "UPDATE_FAILED": "rollback_stack",
    "UPDATE_ROLLBACK_FAILED": "continue_update_rollback",
}


def _roll_back(target: cloudformation.Target, state: str) -> None:
    seen = cloudformation.get_event_ids(target)
    getattr(target.clients.cloudformation, _ROLLBACKS[state])(StackName=target.stack_name)
    end = cloudformation.wait_for_end(target, seen)
    if end != "UPDATE_ROLLBACK_COMPLETE":
        reasons = cloudformation.failure_reasons(target, seen) or [end]
        raise SetupError(f"The failed update of {target.stack_name} could not be rolled back: {'; '.join(reasons)}")


def _require_idle(target: cloudformation.Target, stack: "StackTypeDef") -> None:
    if stack["StackStatus"].endswith("_IN_PROGRESS"):
        raise SetupError(f"The stack {target.stack_name} is busy ({stack['StackStatus']}). Wait until it is done.")


def _list_data(target: cloudformation.Target) -> Iterator[Resource]:
    """Yield the buckets, tables and user pools that the stack still has."""
    pages = target.clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=target.stack_name)
    for page in pages:
        for line in page["StackResourceSummaries"]:
            is_there = line["ResourceStatus"] != "DELETE_COMPLETE" and line.get("PhysicalResourceId")
            if is_there and line["ResourceType"] in _IS_EMPTY:
                yield Resource(line["ResourceType"], line["LogicalResourceId"], line["PhysicalResourceId"])


def _require_empty(target: cloudformation.Target, found: list[Resource]) -> None:
    for each in found:
        if each.logical_id != UI_BUCKET and not _is_empty(target, each):
            raise SetupError(
                f"The stack {target.stack_name} was not deleted completely, and {each.name} still contains data. Run "
                "`safelight destroy` to delete the data, then deploy again."
            )
    for each in found:
        if each.logical_id == UI_BUCKET:
            code_bucket.empty_bucket(target.clients, each.name)


def _release(target: cloudformation.Target, found: list[Resource]) -> None:
    """Turn off the deletion protection of empty tables and user pools. Raises SetupError if one contains data."""
    protected = [each for each in found if each.kind in _RELEASE and _is_protected(target, each)]
    for each in protected:
        if not _is_empty(target, each):
            raise SetupError(
                f"{each.name} is protected and contains data. To delete it, turn off its deletion protection first "
                f"({_RELEASE[each.kind]} {each.name}), then run the command again."
            )
    for each in protected:
        if each.kind == TABLE:
            _dynamodb(target).update_table(TableName=each.name, DeletionProtectionEnabled=False)
            _dynamodb(target).get_waiter("table_exists").wait(TableName=each.name)
        else:
            target.clients.connect("cognito-idp").update_user_pool(UserPoolId=each.name, DeletionProtection="INACTIVE")


#: Commands of the AWS CLI that turn off the deletion protection.
_RELEASE: Final[Mapping[str, str]] = {
    TABLE: "aws dynamodb update-table --no-deletion-protection-enabled --table-name",
    USER_POOL: "aws cognito-idp update-user-pool --deletion-protection INACTIVE --user-pool-id",
}


def _is_protected(target: cloudformation.Target, resource: Resource) -> bool:
    try:
        if resource.kind == TABLE:
            table = _dynamodb(target).describe_table(TableName=resource.name)["Table"]
            return table.get("DeletionProtectionEnabled", False)
        pool = target.clients.connect("cognito-idp").describe_user_pool(UserPoolId=resource.name)["UserPool"]
        return bool(pool.get("DeletionProtection") == "ACTIVE")
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return False
        raise


def _is_empty(target: cloudformation.Target, resource: Resource) -> bool:
    """Return True if a resource contains no object, item or user, or does not exist."""
    try:
        return _IS_EMPTY[resource.kind](target, resource.name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return True
        raise


def _is_empty_bucket(target: cloudformation.Target, name: str) -> bool:
    found = target.clients.s3.list_object_versions(Bucket=name, MaxKeys=1)
    # A page can be empty although more pages follow. That applies to all three functions.
    return not (found.get("Versions") or found.get("DeleteMarkers") or found.get("IsTruncated"))


def _is_empty_table(target: cloudformation.Target, name: str) -> bool:
    found = _dynamodb(target).scan(TableName=name, Limit=1)
    return found["Count"] == 0 and "LastEvaluatedKey" not in found


def _is_empty_pool(target: cloudformation.Target, name: str) -> bool:
    found = target.clients.connect("cognito-idp").list_users(UserPoolId=name, Limit=1)
    return not (found["Users"] or found.get("PaginationToken"))


_IS_EMPTY: Final = {BUCKET: _is_empty_bucket, TABLE: _is_empty_table, USER_POOL: _is_empty_pool}


def _dynamodb(target: cloudformation.Target) -> "DynamoDBClient":
    client: DynamoDBClient = target.clients.connect("dynamodb")
    return client
