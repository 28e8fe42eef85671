"""Every combination of parameters gives a valid template: after the SAM transform, with its conditions decided."""

import copy
import json
from typing import Any

import pytest
from cfnlint.api import lint
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from support.parameter_combinations import DEFAULTS, GROUPS, TEMPLATE, list_combinations, list_condition_parameters
from support.resolved_template import Resolver
from support.strict_aws.declarations import NoManagedPolicies, declare, load_transformed
from support.strict_aws.schemas import validate_parameters

from infra.deployment import parameters

CODE = {"CodeBucket": "code-bucket", "ApiCodeKey": "api", "WorkerCodeKey": "worker", "NotifierCodeKey": "notifier"}
NOTHING = {"Ref": "AWS::NoValue"}
COMBINATIONS = list_combinations()
#: Rules of cfn-lint about unused parts, and about two resources of one name or purpose: each has several forms.
NOT_OF_PARTS = ("W2001", "W7001", "W8001", "E3019", "E3064")
Variants = dict[str, list[dict[str, Any]]]


def decide(value: Any, resolver: Resolver) -> Any:
    """Return a value with one branch of each Fn::If and with the values of parameters. Other references remain."""
    if isinstance(value, list):
        return [found for each in value if (found := decide(each, resolver)) != NOTHING]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::If"]:
        condition, yes, no = value["Fn::If"]
        return decide(yes if resolver.holds(condition) else no, resolver)
    if list(value) == ["Ref"] and value["Ref"] in TEMPLATE["Parameters"]:
        return resolver.read(value)
    pairs = {name: decide(each, resolver) for name, each in value.items()}
    return {name: each for name, each in pairs.items() if each != NOTHING}


def list_variants() -> Variants:
    """Return the different forms of each resource in all combinations."""
    source = load_transformed()
    found: Variants = {}
    for values in COMBINATIONS:
        resolver = Resolver(source, **{**CODE, **values})
        for name, each in source["Resources"].items():
            if "Condition" in each and not resolver.holds(each["Condition"]):
                continue
            decided = decide({key: part for key, part in each.items() if key != "Condition"}, resolver)
            if decided not in found.setdefault(name, []):
                found[name].append(decided)
    return found


def build_template(variants: Variants) -> dict[str, Any]:
    """Return one template with all variants of each resource: loading cfn-lint takes longer than checking them."""
    declared = {name: {**each, "Default": _sample(name)} for name, each in TEMPLATE["Parameters"].items()}
    forms = {f"{name}{number or ''}": form for name, found in variants.items() for number, form in enumerate(found)}
    return {**load_transformed(), "Parameters": declared, "Resources": forms, "Outputs": {}, "Conditions": {}}


def _sample(name: str) -> Any:
    samples = [each[name] for each in COMBINATIONS if each.get(name)]
    return TEMPLATE["Parameters"][name].get("Default") or (samples or [CODE.get(name, "")])[0]


def test_combinations_decide_every_condition_both_ways() -> None:
    """And contain each value of the parameters that conditions read."""
    resolvers = [Resolver(**{**CODE, **values}) for values in COMBINATIONS]
    for condition in TEMPLATE["Conditions"]:
        assert {resolver.holds(condition) for resolver in resolvers} == {True, False}, condition
    grouped = {name for values in GROUPS.values() for each in values for name in each}
    for name in list_condition_parameters() - grouped:
        assert len({each[name] for each in COMBINATIONS if name in each}) > 1, name


@pytest.mark.thorough
@pytest.mark.parametrize("number", range(len(COMBINATIONS)))
def test_every_combination_can_be_deployed(number: int) -> None:
    """CloudFormation accepts the values, SAM the template, and no resource needs one that does not exist."""
    values = {**CODE, **COMBINATIONS[number]}
    given = {name: value for name, value in values.items() if not name.startswith("AWS::")}
    assert validate_parameters(given) == ""
    parameters.check_parameters(DEFAULTS | given, TEMPLATE["Parameters"].keys())
    transformed = transform(copy.deepcopy(TEMPLATE), DEFAULTS | given, NoManagedPolicies())
    assert transformed["Resources"].keys() == load_transformed()["Resources"].keys()
    declared = declare(values)
    assert not [text for text in declared.outputs.values() if not text], "an output would be empty"


@pytest.mark.thorough
def test_cfn_lint_accepts_every_form_of_every_resource() -> None:
    """Each form that a combination gives to a resource, without the conditions that hide it from cfn-lint."""
    found = [
        f"{match.rule.id} {match.message} {match.path}"
        for match in lint(json.dumps(build_template(list_variants()))) or []
        if match.rule.id not in NOT_OF_PARTS
    ]
    assert found == []


def test_two_values_of_each_two_parameters_occur_together() -> None:
    """Of every two parameters with two values, all four pairs."""
    assert _count_pairs("KmsKeyArn", "Tracing") == _count_pairs("AccessLogs", "Reviewer") == 4


def _count_pairs(one: str, two: str) -> int:
    return len({(each[one], each[two]) for each in COMBINATIONS if one in each and two in each})
