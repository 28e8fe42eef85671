"""The policies in docs/policies allow what CloudFormation and the deployment need, and nothing that nobody needs."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from support.deployer_policy import (
    CODE,
    MAX_CHARACTERS,
    OWN_CALLS,
    OWN_OPTIONAL_CALLS,
    UNUSED,
    build_policies,
    find_reason,
    list_call_permissions,
    list_handler_permissions,
    read_schema_date,
)
from support.strict_aws.declarations import declare, load_transformed
from support.strict_aws.schemas import load_schema

FOLDER = Path(__file__).parents[2] / "docs" / "policies"
PAGE = FOLDER.parent / "deploy.md"
KINDS = {each["Type"] for each in load_transformed()["Resources"].values()}


def list_allowed(*names: str) -> set[str]:
    """Return the actions that these policies allow."""
    documents = [json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in names]
    found: set[str] = set()
    for statement in (each for document in documents for each in document["Statement"]):
        actions = statement["Action"]
        found |= {actions} if isinstance(actions, str) else {*actions}
    return found


def format_policy(policy: dict[str, Any]) -> str:
    """Return the text of a file."""
    return json.dumps(policy, indent=2) + "\n"


@pytest.mark.parametrize("name", ["deploy.json", "deploy-options.json"])
def test_policies_are_derived_from_the_template(request: pytest.FixtureRequest, name: str) -> None:
    """From the schemas of its types and from the calls of the deployment. IAM accepts their length."""
    policy = build_policies()[name]
    if request.config.getoption("--write-docs"):
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / name).write_text(format_policy(policy), encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == format_policy(policy), (
        "run pytest tests/structure --write-docs"
    )
    assert len(json.dumps(policy, separators=(",", ":"))) <= MAX_CHARACTERS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_handler_has_its_permissions(kind: str) -> None:
    """Or the reason is stated why the template does not need one."""
    handlers = load_schema(kind)["handlers"]
    assert {"create", "delete"} <= handlers.keys()
    listed = {each for verb in handlers if verb != "list" for each in handlers[verb]["permissions"]}
    missing = listed - list_allowed("deploy.json", "deploy-options.json")
    assert {each for each in missing if not find_reason(each)} == set()


@pytest.mark.parametrize("auth", ["iam", "api-key", "none"])
def test_first_policy_is_enough_by_default(auth: str) -> None:
    """For every type of a stack without options, and for all calls of `safelight deploy` and `safelight destroy`."""
    kinds = {each.kind for each in declare(CODE | {"ApiAuth": auth}).resources.values()}
    needed = {each for each in list_handler_permissions(kinds) if not each.startswith("kms:")}
    assert needed | {*list_call_permissions(OWN_CALLS)} <= list_allowed("deploy.json")


def test_every_exception_is_needed() -> None:
    """Each one excludes a permission, and none that the deployment itself needs."""
    listed = {each for kind in KINDS for verb in load_schema(kind)["handlers"].values() for each in verb["permissions"]}
    own = {*list_call_permissions((*OWN_CALLS, *OWN_OPTIONAL_CALLS))}
    for pattern in UNUSED:
        assert any(fnmatchcase(each, pattern) and find_reason(each) for each in listed), pattern
        assert not any(fnmatchcase(each, pattern) for each in own), pattern


def test_only_lambda_gets_roles() -> None:
    """And only roles, policies and groups whose names begin with safelight can be changed."""
    for name in ("deploy.json", "deploy-options.json"):
        for statement in json.loads((FOLDER / name).read_text(encoding="utf-8"))["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if any(each.startswith("iam:") for each in actions):
                assert all("safelight" in each or "instructor" in each for each in [*_as_list(statement["Resource"])])
            if "iam:PassRole" in actions:
                assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_page_names_the_policies_and_their_source() -> None:
    """With the date of the schemas."""
    text = PAGE.read_text(encoding="utf-8")
    assert "policies/deploy.json" in text
    assert "policies/deploy-options.json" in text
    assert f"as of {read_schema_date()}" in text


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
