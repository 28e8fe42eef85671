"""Checks of the VPC and of the account's settings before a deployment, on moto's EC2 and API Gateway."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws
from support.deployer_policy import OWN_OPTIONAL_CALLS

from infra.deployment import api_gateway, cloudformation, network, template
from infra.errors import SetupError
from infra.sessions import Clients

REGION = "eu-west-1"
DEFAULTS = template.parameter_defaults(template.load_template())
#: Resources of the stack: an endpoint that it has created.
STACK = """
Resources:
  SqsEndpoint:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: %s
      VpcEndpointType: Interface
      ServiceName: com.amazonaws.eu-west-1.sqs
      PrivateDnsEnabled: true
"""


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC with two subnets in different zones and one in the zone of the first."""

    target: cloudformation.Target
    ec2: Any
    id: str
    subnets: tuple[str, ...]
    table: str

    def check(self, **changes: str) -> None:
        """Run the check with the first two subnets."""
        given = {"VpcId": self.id, "VpcSubnetIds": ",".join(self.subnets[:2]), "VpcRouteTableIds": self.table}
        network.check_network(self.target, DEFAULTS | given | changes)

    def add_endpoint(self, service: str, **properties: Any) -> str:
        """Create an endpoint of somebody else and return its ID."""
        name = f"com.amazonaws.{REGION}.{service}"
        created = self.ec2.create_vpc_endpoint(VpcId=self.id, ServiceName=name, **properties)
        return str(created["VpcEndpoint"]["VpcEndpointId"])


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Clients of moto, which the tests share: the model of EC2 takes a second to load."""
    with mock_aws():
        connect = cache(boto3.Session(region_name=REGION).client)
        yield Clients(connect("cloudformation"), connect("s3"), connect("sts"), REGION, connect)


@pytest.fixture
def vpc(clients: Clients) -> Vpc:
    """Create a VPC."""
    ec2: Any = clients.connect("ec2")
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    subnets = tuple(
        ec2.create_subnet(VpcId=made, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("aba")
    )
    filters: list[Any] = [{"Name": "vpc-id", "Values": [made]}]
    table = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
    target = cloudformation.Target(clients, made)
    return Vpc(target, ec2, made, tuple(each["Subnet"]["SubnetId"] for each in subnets), table)


def test_suitable_vpc_is_accepted(vpc: Vpc) -> None:
    """Two subnets in two zones, and no endpoint yet."""
    vpc.check()


def test_deployment_without_vpc_makes_no_calls() -> None:
    """It needs no permission for EC2."""
    network.check_network(Any, DEFAULTS)  # type: ignore[arg-type]


def test_two_subnets_in_one_zone_are_reported(vpc: Vpc) -> None:
    """The error contains a value that works, and functions can use all three subnets."""
    subnets = ",".join(vpc.subnets)
    with pytest.raises(SetupError, match="one zone") as raised:
        vpc.check(VpcSubnetIds=subnets)
    remedy = f"VpcEndpointSubnetIds={','.join(sorted(vpc.subnets[:2]))}"
    assert remedy in str(raised.value)
    vpc.check(VpcSubnetIds=subnets, VpcEndpointSubnetIds=remedy.partition("=")[2])
    vpc.check(VpcSubnetIds=subnets, VpcSqsEndpoint="create", VpcEndpointSubnetIds=vpc.subnets[2])


@pytest.mark.parametrize(
    ("service", "parameter"),
    [
        *(("s3", "VpcS3Endpoint"), ("dynamodb", "VpcDynamoDbEndpoint")),
        *(("sqs", "VpcSqsEndpoint"), ("sns", "VpcSnsEndpoint")),
    ],
)
def test_existing_endpoints_are_reported(service: str, parameter: str, vpc: Vpc) -> None:
    """The error names the endpoint and the parameter; with the parameter, the check passes."""
    kinds: Mapping[str, Any] = {
        "Gateway": {"VpcEndpointType": "Gateway", "RouteTableIds": [vpc.table]},
        "Interface": {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SubnetIds": [vpc.subnets[0]]},
    }
    endpoint = vpc.add_endpoint(service, **kinds["Gateway" if service in network.GATEWAYS else "Interface"])
    with pytest.raises(SetupError, match=f"{endpoint}.*{parameter}=existing"):
        vpc.check()
    vpc.check(**{parameter: "existing"})


def test_endpoints_that_do_not_conflict_are_accepted(vpc: Vpc) -> None:
    """A gateway for another route table, an interface without private names, and the stack's own endpoint."""
    other = vpc.ec2.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
    vpc.add_endpoint("s3", VpcEndpointType="Gateway", RouteTableIds=[other])
    vpc.add_endpoint("sns", VpcEndpointType="Interface", PrivateDnsEnabled=False, SubnetIds=[vpc.subnets[0]])
    vpc.target.clients.cloudformation.create_stack(StackName=vpc.target.stack_name, TemplateBody=STACK % vpc.id)
    vpc.check()


@pytest.mark.parametrize("option", ["Hostnames", "Support"])
def test_missing_dns_is_reported(option: str, vpc: Vpc) -> None:
    """With the command that turns it on; gateway endpoints do not need it."""
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, **{f"EnableDns{option}": {"Value": False}})
    with pytest.raises(SetupError, match=f"modify-vpc-attribute --vpc-id {vpc.id} --enable-dns-{option.lower()}"):
        vpc.check()


@pytest.mark.parametrize(
    "parameter", ["VpcSubnetIds", "VpcEndpointSubnetIds", "VpcRouteTableIds", "VpcEndpointSecurityGroupId"]
)
def test_parts_of_another_vpc_are_reported(parameter: str, vpc: Vpc) -> None:
    """By parameter and value."""
    with pytest.raises(SetupError, match=f"{parameter} names other-1, but {vpc.id} has only"):
        vpc.check(**{parameter: "other-1"})


def test_service_without_any_way_is_reported(vpc: Vpc) -> None:
    """An endpoint that does not exist is no problem if the subnets have a route to the internet."""
    with pytest.raises(SetupError, match="VpcSnsEndpoint=create"):
        vpc.check(VpcSnsEndpoint="existing")
    gateway = vpc.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    vpc.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.id)
    vpc.ec2.create_route(RouteTableId=vpc.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    vpc.check(VpcSnsEndpoint="existing")


def test_zone_without_the_service_is_reported(vpc: Vpc, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the subnets that remain."""
    monkeypatch.setattr(network, "_list_zones", lambda *_: {f"{REGION}b"})
    with pytest.raises(SetupError, match=f"{REGION}a. Set VpcEndpointSubnetIds={vpc.subnets[1]}"):
        vpc.check()


def test_zones_of_a_service_are_read(vpc: Vpc) -> None:
    """From the endpoint services of AWS."""
    found = network.Network(vpc.ec2, DEFAULTS, ())
    assert network._list_zones(found, "sqs") == {f"{REGION}{zone}" for zone in "abc"}


def test_calls_are_those_of_the_policy(vpc: Vpc) -> None:
    """docs/policies gives the permissions for them."""
    calls: set[str] = set()

    def record(model: Any, **_: Any) -> None:
        calls.add(f"ec2:{model.name}")

    vpc.ec2.meta.events.register("before-call.ec2", record)
    with pytest.raises(SetupError):
        vpc.check(VpcSnsEndpoint="existing")
    vpc.ec2.meta.events.unregister("before-call.ec2", record)
    assert calls == {each for each in OWN_OPTIONAL_CALLS if each.startswith("ec2:")}


def test_access_logs_need_a_role(vpc: Vpc) -> None:
    """Before the deployment; without AccessLogs, the settings are not read."""
    wanted = DEFAULTS | {"AccessLogs": "true"}
    with pytest.raises(SetupError, match="AccessLogs=true needs a role"):
        api_gateway.check_access_logs(vpc.target.clients, wanted)
    role = "arn:aws:iam::123456789012:role/api-gateway-logs"
    vpc.target.clients.connect("apigateway").update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    )
    api_gateway.check_access_logs(vpc.target.clients, wanted)
    api_gateway.check_access_logs(Any, DEFAULTS)  # type: ignore[arg-type]
