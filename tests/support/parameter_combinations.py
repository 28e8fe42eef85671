"""Combinations of template parameters in which each two values of two parameters occur together."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from typing import Any, Final

from infra.deployment import template

TEMPLATE: Final = template.load_template()
DEFAULTS: Final = template.parameter_defaults(TEMPLATE)
#: Values of parameters that are empty by default.
SAMPLES: Final[Mapping[str, str]] = {
    "AlarmEmail": "ops@example.com",
    "ApiPathPrefix": "/_aws/execute-api",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012",
    "PublicApiUrl": "https://api.example.com/images",
    "UiOrigins": "https://one.example.com,https://two.example.com",
}
VPC: Final[Mapping[str, str]] = {
    "VpcId": "vpc-0123456789abcdef0",
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "VpcRouteTableIds": "rtb-0123456789abcdef0",
}
DOMAIN: Final[Mapping[str, str]] = {
    "UiCloudFront": "true",
    "UiDomain": "images.example.com",
    "UiCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
}
GROUP: Final[Mapping[str, str]] = {"VpcEndpointSecurityGroupId": "sg-0123456789abcdef0"}
ENDPOINTS: Final = ("VpcS3Endpoint", "VpcDynamoDbEndpoint", "VpcSqsEndpoint", "VpcSnsEndpoint")
#: Parameters that are valid only together, and pseudo parameters.
GROUPS: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    "callers": (
        *({"ApiAuth": value} for value in TEMPLATE["Parameters"]["ApiAuth"]["AllowedValues"]),
        {"ApiAuth": "cognito", "LoginDomain": "login-of-ours"},
    ),
    "page": (
        {"PublicUi": "true"},
        {"PublicUi": "false"},
        {"UiCloudFront": "true"},
        DOMAIN,
        {**DOMAIN, "UiLogBucket": "logs-of-ours"},
    ),
    "buckets": (
        {},
        {"ImportBuckets": "images-of-ours,more-images"},
        {"ImportBuckets": "images-of-ours,more-images", "WatchBuckets": "images-of-ours"},
        {"ImportBuckets": "images-of-ours,more-images", "WatchBuckets": "images-of-ours,more-images"},
    ),
    "network": (
        {},
        VPC,
        {**VPC, "VpcEndpointSubnetIds": "subnet-0123456789abcdef0", "VpcS3Endpoint": "existing"},
        {**VPC, **GROUP, "VpcSqsEndpoint": "existing", "VpcDynamoDbEndpoint": "existing"},
        {**VPC, **GROUP, **dict.fromkeys(ENDPOINTS, "existing")},
    ),
    "region": (
        {"AWS::Region": "eu-west-1"},
        {"AWS::Region": "us-east-1"},
        {"AWS::Region": "cn-north-1", "AWS::Partition": "aws-cn", "AWS::URLSuffix": "amazonaws.com.cn"},
        {"AWS::Region": "us-gov-west-1", "AWS::Partition": "aws-us-gov"},
    ),
}


def list_condition_parameters() -> set[str]:
    """Return the parameters that a condition reads."""

    def read(value: Any) -> Iterator[str]:
        if isinstance(value, dict) and "Ref" in value:
            yield value["Ref"]
        elif isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                yield from read(each)

    return {name for name in read(TEMPLATE["Conditions"]) if not name.startswith("AWS::")}


def list_values(name: str) -> list[str]:
    """Return the values of a parameter that conditions can distinguish. Raises KeyError if SAMPLES has none."""
    declared = TEMPLATE["Parameters"][name]
    if "AllowedValues" in declared:
        return [str(each) for each in declared["AllowedValues"]]
    if declared["Type"] == "Number":
        return [DEFAULTS[name], str(declared["MaxValue"])]
    return [DEFAULTS[name], SAMPLES[name]]


@cache
def list_combinations() -> tuple[Mapping[str, str], ...]:
    """Return combinations that contain each pair of values, and every combination of VPC endpoints."""
    grouped = {name for values in GROUPS.values() for each in values for name in each}
    single = {
        name: [{name: value} for value in list_values(name)] for name in sorted(list_condition_parameters() - grouped)
    }
    pairs = choose_pairs({**GROUPS, **single})
    endpoints = [dict(zip(ENDPOINTS, each, strict=True)) for each in product(("create", "existing"), repeat=4)]
    return (*pairs, *({**VPC, **each, "AWS::Region": "eu-west-1"} for each in endpoints))


def choose_pairs(factors: Mapping[str, Sequence[Mapping[str, str]]]) -> list[Mapping[str, str]]:
    """Return few combinations in which each value of each factor occurs with each value of each other factor.

    Each combination starts with a pair that is missing, and adds the values that complete the most missing pairs.
    """
    missing = {
        frozenset(((one, i), (two, j)))
        for one, two in combinations(factors, 2)
        for i, j in product(range(len(factors[one])), range(len(factors[two])))
    }
    found: list[Mapping[str, str]] = []
    while missing:
        chosen = dict(min(missing, key=sorted))
        for name in factors:
            if name not in chosen:
                gains = [
                    sum(frozenset(((name, number), other)) in missing for other in chosen.items())
                    for number in range(len(factors[name]))
                ]
                chosen[name] = gains.index(max(gains))
        missing -= {frozenset(pair) for pair in combinations(chosen.items(), 2)}
        found.append({key: value for name, number in chosen.items() for key, value in factors[name][number].items()})
    return found
