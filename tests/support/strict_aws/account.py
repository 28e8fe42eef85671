"""What exists in an account and region, and the clients with which a deployment reads and changes it directly."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError
from support.strict_aws.declarations import ACCOUNT

#: The property that names a resource, for types whose names must be unique.
NAMES: Final[Mapping[str, str]] = {
    "AWS::CloudFront::OriginAccessControl": "Name",
    "AWS::CloudFront::ResponseHeadersPolicy": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Cognito::UserPoolDomain": "Domain",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::User": "UserName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
#: Types whose names are unique in the account, not only in a region.
GLOBAL: Final = frozenset(
    {
        *("AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy"),
        *("AWS::CloudWatch::Dashboard", "AWS::IAM::Group", "AWS::IAM::User"),
    }
)


@dataclass
class Resource:
    """A resource that exists, whether or not a stack still has it."""

    kind: str
    id: str
    region: str
    properties: Mapping[str, Any]
    #: Objects, items or users in it.
    content: dict[str, bytes] = field(default_factory=dict)

    @property
    def is_protected(self) -> bool:
        """Return True if deletion protection is on."""
        protection = self.properties.get("DeletionProtectionEnabled", self.properties.get("DeletionProtection"))
        return protection in {True, "ACTIVE"}


@dataclass
class Account:
    """All resources by ID. The methods without docstrings of AWS's names are calls of boto3's clients."""

    region: str = "eu-west-1"
    resources: dict[str, Resource] = field(default_factory=dict)
    #: Buckets that no stack has, by name.
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    #: The role with which API Gateway writes logs.
    log_role: str = ""
    _serial: int = 0

    def find_by_name(self, kind: str, name: str) -> Resource | None:
        """Return the resource of a type with this name, in the region or, if names are global, in the account."""
        for each in self.resources.values():
            is_near = kind in GLOBAL or each.region == self.region
            if each.kind == kind and is_near and each.properties.get(NAMES[kind]) == name:
                return each
        return None

    def add(self, kind: str, prefix: str, properties: Mapping[str, Any]) -> Resource:
        """Create a resource. Its ID is its name, or a generated one."""
        self._serial += 1
        name = properties.get(NAMES.get(kind, ""), f"{prefix}-{self._serial}".lower())
        key = name if name not in self.resources else f"{name}#{self._serial}"
        self.resources[key] = Resource(kind, name, self.region, properties)
        return self.resources[key]

    def remove(self, resource: Resource) -> str:
        """Delete a resource. Return why AWS refuses this, or an empty string."""
        if resource.is_protected:
            return f"{resource.id} has deletion protection"
        if resource.kind == "AWS::S3::Bucket" and resource.content:
            return "The bucket you tried to delete is not empty"
        for key, each in list(self.resources.items()):
            if each is resource:
                del self.resources[key]
        return ""

    def find(self, name: str, *kinds: str) -> Resource:
        """Return a resource of the region by ID. Raises ClientError if it does not exist."""
        for each in self.resources.values():
            if each.id == name and each.kind in kinds and each.region == self.region:
                return each
        raise make_error("ResourceNotFoundException", name)

    def list_of(self, kind: str) -> list[Resource]:
        """Return all resources of a type in the region."""
        return [each for each in self.resources.values() if each.kind == kind and each.region == self.region]


class Client:
    """Base of the clients: paginators with one page, and waiters that need not wait."""

    def get_paginator(self, operation: str) -> "Pages":
        """Return all results on one page."""
        return Pages(getattr(self, operation))

    def get_waiter(self, _name: str) -> "Client":
        """Return a waiter."""
        return self

    def wait(self, **_: str) -> None:
        """Return immediately."""


@dataclass
class Pages:
    """A paginator with one page."""

    call: Any

    def paginate(self, **arguments: str) -> Iterator[dict[str, Any]]:
        """Yield the page."""
        yield self.call(**arguments)


@dataclass
class Sts:
    """The client of STS."""

    def get_caller_identity(self) -> dict[str, str]:
        """Return the account."""
        return {"Account": ACCOUNT}


# ruff: noqa: N803 - the parameters of boto3
@dataclass
class S3(Client):
    """The client of S3. Buckets of stacks and other buckets have one namespace."""

    account: Account

    class meta:  # noqa: N801 - boto3's name
        """The endpoint."""

        endpoint_url = "https://s3.eu-west-1.amazonaws.com"

    class exceptions:  # noqa: N801 - boto3's name
        """Errors of buckets that exist."""

        class BucketAlreadyOwnedByYou(ClientError):
            """The bucket is ours."""

        class BucketAlreadyExists(ClientError):
            """The bucket is somebody else's."""

    def _bucket(self, name: str) -> dict[str, bytes]:
        if name in self.account.buckets:
            return self.account.buckets[name]
        try:
            return self.account.find(name, "AWS::S3::Bucket").content
        except ClientError as error:
            raise make_error("NoSuchBucket", name) from error

    def head_bucket(self, Bucket: str) -> None:
        """Raise 404 if there is no such bucket."""
        try:
            self._bucket(Bucket)
        except ClientError as error:
            raise make_error("404", Bucket) from error

    def create_bucket(self, Bucket: str, **_: Any) -> None:
        """Create a bucket."""
        self.account.buckets[Bucket] = {}

    def put_public_access_block(self, Bucket: str, **_: Any) -> None:
        """Check that the bucket exists."""
        self._bucket(Bucket)

    def delete_bucket(self, Bucket: str) -> None:
        """Delete an empty bucket."""
        if self._bucket(Bucket):
            raise make_error("BucketNotEmpty", Bucket)
        del self.account.buckets[Bucket]

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        """Store an object."""
        self._bucket(Bucket)[Key] = Body

    def head_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        """Return size and checksum."""
        if Key not in self._bucket(Bucket):
            raise make_error("404", Key)
        data = self._bucket(Bucket)[Key]
        return {"ContentLength": len(data), "ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()}

    def delete_object(self, Bucket: str, Key: str) -> None:
        """Delete an object."""
        del self._bucket(Bucket)[Key]

    def list_objects_v2(self, Bucket: str) -> dict[str, Any]:
        """Return keys and ETags."""
        return {
            "Contents": [
                {"Key": key, "ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'}
                for key, data in self._bucket(Bucket).items()
            ]
        }

    def list_object_versions(self, Bucket: str, **_: Any) -> dict[str, Any]:
        """Return one version of each object."""
        return {"Versions": [{"Key": key, "VersionId": "null"} for key in self._bucket(Bucket)]}

    def delete_objects(self, Bucket: str, Delete: Mapping[str, Any]) -> dict[str, Any]:
        """Delete versions."""
        for each in Delete["Objects"]:
            self._bucket(Bucket).pop(each["Key"], None)
        return {}


@dataclass
class DynamoDb(Client):
    """The client of DynamoDB."""

    account: Account

    def describe_table(self, TableName: str) -> dict[str, Any]:
        """Return the protection."""
        found = self.account.find(TableName, "AWS::DynamoDB::Table")
        return {"Table": {"DeletionProtectionEnabled": found.is_protected}}

    def scan(self, TableName: str, **_: Any) -> dict[str, Any]:
        """Return the number of items."""
        return {"Count": len(self.account.find(TableName, "AWS::DynamoDB::Table").content)}

    def update_table(self, TableName: str, **changes: Any) -> None:
        """Change the protection."""
        found = self.account.find(TableName, "AWS::DynamoDB::Table")
        found.properties = {**found.properties, **changes}


@dataclass
class Cognito(Client):
    """The client of Cognito."""

    account: Account

    def describe_user_pool(self, UserPoolId: str) -> dict[str, Any]:
        """Return the protection."""
        found = self.account.find(UserPoolId, "AWS::Cognito::UserPool")
        return {"UserPool": {"DeletionProtection": found.properties.get("DeletionProtection", "INACTIVE")}}

    def list_users(self, UserPoolId: str, **_: Any) -> dict[str, Any]:
        """Return the users."""
        return {"Users": list(self.account.find(UserPoolId, "AWS::Cognito::UserPool").content)}

    def update_user_pool(self, UserPoolId: str, **changes: Any) -> None:
        """Change the protection."""
        found = self.account.find(UserPoolId, "AWS::Cognito::UserPool")
        found.properties = {**found.properties, **changes}


@dataclass
class ApiGateway(Client):
    """The client of API Gateway."""

    account: Account

    def get_account(self) -> dict[str, str]:
        """Return the role of logs."""
        return {"cloudwatchRoleArn": self.account.log_role} if self.account.log_role else {}


def make_error(code: str, message: str) -> ClientError:
    """Return the error of an AWS call."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
