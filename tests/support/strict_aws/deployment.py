"""Deployments with the real code of ``infra/deployment`` against the stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from support.strict_aws.account import S3, Account, ApiGateway, Cognito, DynamoDb, Sts
from support.strict_aws.cloudformation import CloudFormation, Stack

from infra.deployment import aws_account, cloudformation, packaging, template
from infra.sessions import Clients
from infra.stack import Stack as Deployed

PACKAGES: Final = {name: packaging.Package(name, name.encode()) for name in ("api", "worker", "notifier")}
VPC: Final = {
    "VpcId": "vpc-1",
    "VpcSubnetIds": "subnet-a,subnet-b",
    "VpcRouteTableIds": "rtb-1",
}
#: Parameters that create every resource of the template but those of other values of ApiAuth.
EVERYTHING: Final = VPC | {
    "AccessLogs": "true",
    "AlarmEmail": "ops@example.com",
    "ApiAuth": "cognito",
    "ImportBuckets": "images-of-ours",
    "WatchBuckets": "images-of-ours",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    "LoginDomain": "safelight-login",
    "Reviewer": "true",
    "Tracing": "true",
    "UiCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "UiCloudFront": "true",
    "UiDomain": "images.example.com",
    "VpcSnsEndpoint": "existing",
    "VpcEndpointSecurityGroupId": "sg-1",
}


@dataclass
class Deployer:
    """An account, its CloudFormation, and the commands `safelight deploy` and `safelight destroy`."""

    account: Account = field(default_factory=lambda: Account(log_role="arn:aws:iam::123456789012:role/logs"))

    def __post_init__(self) -> None:
        """Create the clients."""
        self.cloudformation = CloudFormation(self.account)
        self._clients: Mapping[str, Any] = {
            "apigateway": ApiGateway(self.account),
            "cognito-idp": Cognito(self.account),
            "dynamodb": DynamoDb(self.account),
        }

    def make_clients(self, _profile: str | None, region: str | None) -> Clients:
        """Return the clients of a region."""
        self.account.region = region or self.account.region
        s3: Any = S3(self.account)
        sts: Any = Sts()
        double: Any = self.cloudformation
        return Clients(double, s3, sts, self.account.region, self._clients.__getitem__)

    def deploy(self, name: str = "safelight", region: str | None = None, **given: str) -> Deployed | None:
        """Run `safelight deploy --yes`."""
        return aws_account.deploy_aws(aws_account.Account(name, None, region), given, Path(), lambda _changes: True)

    def destroy(self, name: str = "safelight", region: str | None = None) -> bool:
        """Run `safelight destroy --yes`."""
        return aws_account.destroy_aws(aws_account.Account(name, None, region))

    def fail(self, *steps: tuple[str, str], reason: str = "Sabotaged") -> None:
        """Let these steps fail until :meth:`repair`: create, update or delete of a resource."""
        self.cloudformation.sabotage = lambda *step: reason if step in steps else ""

    def repair(self) -> None:
        """Let every step succeed."""
        self.cloudformation.sabotage = lambda _verb, _name: ""

    @property
    def stack(self) -> Stack:
        """Return the stack."""
        return self.cloudformation.stacks["safelight"]

    def is_empty(self) -> bool:
        """Return True if neither a stack nor a resource nor a bucket exists."""
        return not self.cloudformation.stacks and not self.account.resources and not self.account.buckets

    def list_unprotected(self) -> list[str]:
        """Return the tables and user pools without deletion protection, except tables that need none."""
        declared = template.load_template()["Resources"]
        protectable = [
            name
            for name, each in declared.items()
            if {"DeletionProtectionEnabled", "DeletionProtection"} & {*each["Properties"]}
        ]
        found = {name: each.resource for name, each in self.stack.resources.items() if name in protectable}
        return [name for name, each in found.items() if each is None or not each.is_protected]


#: Parses the template once per process.
_load_template = cache(template.load_template)


def use(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> Deployer:
    """Let the commands use a deployer's account. Its network is not checked: see tests/integration/test_network.py."""
    monkeypatch.setattr("infra.deployment.aws_account.aws_clients", deployer.make_clients)
    monkeypatch.setattr("infra.deployment.network.check_network", lambda *_: None)
    monkeypatch.setattr("infra.deployment.wheels.build_full", lambda *_: PACKAGES)
    monkeypatch.setattr("infra.deployment.template.load_template", _load_template)
    monkeypatch.setattr("infra.deployment.page.build_files", lambda *_: {})
    monkeypatch.setattr(cloudformation, "AWS_POLLING", cloudformation.Polling(interval=0, timeout=600))
    monkeypatch.setattr(cloudformation, "_PAUSE_SHARE", 0)
    return deployer
