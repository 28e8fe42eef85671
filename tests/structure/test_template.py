"""Rules that the whole template must keep: parameters, functions, settings, logs."""

import re

import pytest
from pydantic import BaseModel
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from support.template_facts import (
    DEFAULTS,
    FUNCTIONS,
    RESOURCES,
    ROOT,
    TEMPLATE,
    environment,
    of_type,
    properties,
)

from infra.deployment import parameters, template
from infra.deployment.wheels import PYTHON_VERSION

SETTINGS_PAGE = ROOT / "docs" / "settings.md"


def test_cfn_lint_finds_nothing() -> None:
    """The template passes cfn-lint, also after the SAM transform."""
    from cfnlint.api import lint_file  # noqa: PLC0415 - takes a second, which only this test needs

    assert lint_file(template.TEMPLATE) == []


def test_the_transform_adds_no_resources() -> None:
    """SAM creates no role, API or mapping of its own."""
    plain = transform(template.load_template(), {}, _NoPolicies())
    kinds = {name: resource["Type"] for name, resource in plain["Resources"].items()}
    expected = {name: resource["Type"].replace("Serverless", "Lambda") for name, resource in RESOURCES.items()}
    assert kinds == expected


def test_the_template_uses_no_yaml_aliases() -> None:
    """CloudFormation does not support anchors and aliases."""
    text = template.TEMPLATE.read_text(encoding="utf-8")
    assert not re.findall(r":\s+[&*][A-Za-z]", text)


def test_every_parameter_is_described_and_bounded() -> None:
    """Each parameter has a description and limits."""
    for name, declared in TEMPLATE["Parameters"].items():
        assert declared["Description"], name
        bounds = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"}
        assert bounds & declared.keys(), name
        assert ("MinValue" in declared) == ("MaxValue" in declared), name


def test_parameter_defaults_are_consistent() -> None:
    """The defaults pass the rules of a deployment."""
    parameters.check_parameters(DEFAULTS, template.parameter_names(TEMPLATE))


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each != "ApiFunction"])
def test_no_reserved_concurrency(function: str) -> None:
    """Reserved concurrency would use up the receives of throttled batches; mappings limit concurrency instead."""
    assert "ReservedConcurrentExecutions" not in properties(function)


@pytest.mark.parametrize(("function", "settings"), FUNCTIONS.items())
def test_functions_get_exactly_their_settings(function: str, settings: type[BaseModel]) -> None:
    """And the variables of Powertools."""
    own = {name for name in environment(function) if not name.startswith("POWERTOOLS_")}
    assert own == {name.upper() for name in settings.model_fields}


def test_the_settings_page_is_complete() -> None:
    """docs/settings.md has a row for every parameter, with its default, and every variable of another name."""
    page = SETTINGS_PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE))
    parameters = TEMPLATE["Parameters"].keys()
    variables = {name for function in FUNCTIONS for name in environment(function)}
    alike = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in parameters}
    assert parameters | (variables - alike) <= rows.keys() <= parameters | variables
    for name, default in DEFAULTS.items():
        assert f"| `{default}` |" in f"{rows[name]}|" if default else "| empty |" in f"{rows[name]}|", name


def test_functions_have_their_own_log_groups() -> None:
    """With a retention."""
    for function in FUNCTIONS:
        stem = function.removesuffix("Function")
        group = properties(f"{stem}LogGroup")
        assert group["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/{properties(function)['FunctionName']['Fn::Sub']}"
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert RESOURCES[function]["DependsOn"] == f"{stem}LogGroup"


def test_zips_are_built_for_the_runtime() -> None:
    """The wheels are for the Python of the functions."""
    assert {properties(function)["Runtime"] for function in FUNCTIONS} == {f"python{PYTHON_VERSION}"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_can_run_in_a_vpc(function: str) -> None:
    """In its subnets, with TLS egress only and endpoints for their services."""
    wanted, config, otherwise = properties(function)["VpcConfig"]["Fn::If"]
    assert (wanted, otherwise) == ("VpcIsWanted", {"Ref": "AWS::NoValue"})
    assert config["SecurityGroupIds"] == [{"Fn::GetAtt": ["FunctionSecurityGroup", "GroupId"]}]
    assert not properties("FunctionSecurityGroup").get("SecurityGroupIngress")
    assert {rule["FromPort"] for rule in properties("FunctionSecurityGroup")["SecurityGroupEgress"]} == {443}
    kinds = {
        re.findall(r"Region}\.(\w+)'", str(each["Properties"]["ServiceName"]))[0]: each["Properties"]["VpcEndpointType"]
        for each in of_type("AWS::EC2::VPCEndpoint").values()
    }
    assert kinds == {"s3": "Gateway", "dynamodb": "Gateway", "sqs": "Interface", "sns": "Interface"}


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_every_log_group_has_a_retention(group: str) -> None:
    """Every log group has a retention."""
    assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


class _NoPolicies:
    """The template names no AWS managed policy, so SAM needs no list of them."""

    def load(self) -> dict[str, str]:
        return {}
