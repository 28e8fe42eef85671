"""Checks of a VPC before a deployment.

CloudFormation would find these problems only after minutes, and would then delete everything that it has created. The
rules are from https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html and
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from infra.deployment import cloudformation
from infra.errors import SetupError

#: An endpoint as EC2 describes it.
Endpoint = Mapping[str, Any]

#: Services with a gateway endpoint, and the parameters that create these endpoints.
GATEWAYS: Final[Mapping[str, str]] = {"s3": "VpcS3Endpoint", "dynamodb": "VpcDynamoDbEndpoint"}
#: Services with an interface endpoint, and the parameters that create these endpoints.
INTERFACES: Final[Mapping[str, str]] = {"sqs": "VpcSqsEndpoint", "sns": "VpcSnsEndpoint"}
_INTERNET: Final = "0.0.0.0/0"
_GONE: Final = frozenset({"deleting", "deleted", "failed", "rejected", "expired"})


@dataclass(frozen=True, slots=True)
class Network:
    """The VPC of a deployment and the parameters that name its parts."""

    #: boto3's client of EC2.
    ec2: Any
    values: Mapping[str, str]
    #: Endpoints that are not resources of the stack.
    others: tuple[Endpoint, ...]

    @property
    def vpc(self) -> str:
        """Return the ID of the VPC."""
        return self.values["VpcId"]

    def list_ids(self, parameter: str) -> list[str]:
        """Return the IDs in the value of a parameter."""
        return [each for each in self.values[parameter].split(",") if each]

    def list_created(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the services, with their parameters, whose endpoint the stack creates."""
        return {service: name for service, name in parameters.items() if self.values[name] == "create"}

    def find_others(self, service: str, kind: str) -> list[Endpoint]:
        """Return the endpoints of a service that are not resources of the stack."""
        return [
            each
            for each in self.others
            if each["ServiceName"].rsplit(".", 1)[-1] == service and each["VpcEndpointType"] == kind
        ]


def check_network(target: cloudformation.Target, values: Mapping[str, str]) -> None:
    """Check that the functions and endpoints can be created in the VPC of the parameters, if there is one.

    Raises SetupError, which names each parameter that must be changed.
    """
    if not values["VpcId"]:
        return
    ec2: Any = target.clients.connect("ec2")
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=_in_vpc(values["VpcId"]))
    own = _list_own_endpoints(target)
    others = tuple(
        each
        for page in pages
        for each in page["VpcEndpoints"]
        if each["VpcEndpointId"] not in own and each.get("State", "").lower() not in _GONE
    )
    network = Network(ec2, values, others)
    problems = list(_find_missing_parts(network)) or [
        *_find_zone_problems(network),
        *_find_dns_problems(network),
        *_find_conflicts(network),
        *_find_unreachable_services(network),
    ]
    if problems:
        raise SetupError(" ".join(problems))


def _list_own_endpoints(target: cloudformation.Target) -> set[str]:
    if cloudformation.describe_stack(target) is None:
        return set()
    pages = target.clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=target.stack_name)
    return {
        line["PhysicalResourceId"]
        for page in pages
        for line in page["StackResourceSummaries"]
        if line["ResourceType"] == "AWS::EC2::VPCEndpoint" and "PhysicalResourceId" in line
    }


def _in_vpc(vpc: str) -> list[Any]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


Listing = Literal["describe_subnets", "describe_route_tables", "describe_security_groups"]


def _list_in_vpc(network: Network, operation: "Listing", kind: str, identifier: str) -> set[str]:
    """Return the IDs of all parts of one kind in the VPC."""
    pages: Any = cast("Any", network.ec2).get_paginator(operation).paginate(Filters=_in_vpc(network.vpc))
    return {each[identifier] for page in pages for each in page[kind]}


def _find_missing_parts(network: Network) -> Iterator[str]:
    """Yield a sentence for each subnet, route table or security group that is not in the VPC."""
    subnets = _list_in_vpc(network, "describe_subnets", "Subnets", "SubnetId")
    tables = _list_in_vpc(network, "describe_route_tables", "RouteTables", "RouteTableId")
    groups = _list_in_vpc(network, "describe_security_groups", "SecurityGroups", "GroupId")
    for parameter, known, what in (
        ("VpcSubnetIds", subnets, "subnets"),
        ("VpcEndpointSubnetIds", subnets, "subnets"),
        ("VpcRouteTableIds", tables, "route tables"),
        ("VpcEndpointSecurityGroupId", groups, "security groups"),
    ):
        missing = [each for each in network.list_ids(parameter) if each not in known]
        if missing:
            yield f"{parameter} names {', '.join(missing)}, but {network.vpc} has only these {what}: {_join(known)}."


def _find_zone_problems(network: Network) -> Iterator[str]:
    """Yield a sentence if two subnets of an interface endpoint are in one zone, or a zone does not have the service."""
    created = network.list_created(INTERFACES)
    if not created:
        return
    parameter = "VpcEndpointSubnetIds" if network.values["VpcEndpointSubnetIds"] else "VpcSubnetIds"
    wanted = network.list_ids(parameter)
    found = network.ec2.describe_subnets(SubnetIds=wanted)["Subnets"]
    zones = {each["SubnetId"]: each["AvailabilityZone"] for each in found}
    first = {zone: subnet for subnet, zone in reversed([(each, zones[each]) for each in wanted])}
    if len(first) < len(zones):
        shared = sorted(each for each in zones if list(zones.values()).count(zones[each]) > 1)
        yield (
            f"{parameter} names {', '.join(shared)}, of which at least two are in one zone, but an interface endpoint "
            f"accepts only one subnet in each zone. Set VpcEndpointSubnetIds={','.join(sorted(first.values()))}."
        )
    for service, name in created.items():
        available = _list_zones(network, service)
        missing = sorted(zones[each] for each in zones if available and zones[each] not in available)
        if missing:
            usable = ",".join(subnet for zone, subnet in sorted(first.items()) if zone in available)
            remedy = f"Set VpcEndpointSubnetIds={usable}." if usable else f"Set {name}=existing or use other subnets."
            yield f"The endpoint of {service} does not exist in {', '.join(missing)}. {remedy}"


def _list_zones(network: Network, service: str) -> set[str]:
    """Return the zones in which the endpoint of a service exists."""
    region = network.ec2.meta.region_name
    prefix = "cn." if region.startswith("cn-") and service == "sqs" else ""  # as in the template
    names = [f"{prefix}com.amazonaws.{region}.{service}"]
    details = network.ec2.describe_vpc_endpoint_services(ServiceNames=names)["ServiceDetails"]
    return {zone for each in details for zone in each["AvailabilityZones"]}


def _find_dns_problems(network: Network) -> Iterator[str]:
    """Yield a sentence if the VPC does not have the DNS settings that private names of endpoints need."""
    if not network.list_created(INTERFACES):
        return
    support = network.ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsSupport")
    names = network.ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsHostnames")
    for option, is_on in (
        ("support", support["EnableDnsSupport"]["Value"]),
        ("hostnames", names["EnableDnsHostnames"]["Value"]),
    ):
        if not is_on:
            yield (
                f"{network.vpc} has DNS {option} turned off, but the endpoints of SQS and SNS need it. Run "
                f"`aws ec2 modify-vpc-attribute --vpc-id {network.vpc} --enable-dns-{option}`."
            )


def _find_conflicts(network: Network) -> Iterator[str]:
    """Yield a sentence for each endpoint that the VPC already has."""
    tables = set(network.list_ids("VpcRouteTableIds"))
    for service, parameter in network.list_created(GATEWAYS).items():
        for endpoint in network.find_others(service, "Gateway"):
            if tables & set(endpoint.get("RouteTableIds", ())):
                yield (
                    f"The route tables of VpcRouteTableIds already lead to an endpoint of {service} "
                    f"({endpoint['VpcEndpointId']}). Set {parameter}=existing."
                )
    for service, parameter in network.list_created(INTERFACES).items():
        for endpoint in network.find_others(service, "Interface"):
            if endpoint.get("PrivateDnsEnabled"):
                groups = ",".join(each["GroupId"] for each in endpoint.get("Groups", ())) or "its security group"
                yield (
                    f"{network.vpc} already has an endpoint of {service} ({endpoint['VpcEndpointId']}). Set "
                    f"{parameter}=existing, and VpcEndpointSecurityGroupId={groups} if this group does not admit the "
                    "functions yet."
                )


def _find_unreachable_services(network: Network) -> Iterator[str]:
    """Yield a sentence for each service that the functions could reach neither by endpoint nor over the internet."""
    tables = network.ec2.describe_route_tables(RouteTableIds=network.list_ids("VpcRouteTableIds"))["RouteTables"]
    routes = [each.get("DestinationCidrBlock") for table in tables for each in table["Routes"]]
    if _INTERNET in routes:
        return
    for parameters, kind in ((GATEWAYS, "Gateway"), (INTERFACES, "Interface")):
        for service, parameter in parameters.items():
            is_existing = network.values[parameter] == "existing"
            if is_existing and not network.find_others(service, "Interface") + network.find_others(service, kind):
                yield (
                    f"{parameter} is existing, but {network.vpc} has no endpoint of {service} and no route to the "
                    f"internet. Set {parameter}=create."
                )


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
