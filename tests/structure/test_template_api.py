"""Rules for the gateway and the authorization of the template."""

import hashlib
import json

import pytest
from support.template_facts import (
    API_TYPES,
    DEFAULTS,
    RESOURCES,
    TEMPLATE,
    of_type,
    properties,
)

from shared.errors import error_classes


def test_preflight_needs_no_credentials() -> None:
    """OPTIONS has no authorization and goes to the function."""
    preflight = properties("ApiPreflightMethod")
    assert (preflight["HttpMethod"], preflight["AuthorizationType"]) == ("OPTIONS", "NONE")
    assert preflight["Integration"] == properties("ApiProxyMethod")["Integration"]
    assert preflight["ResourceId"] == properties("ApiProxyMethod")["ResourceId"]


def test_binary_types_do_not_include_text() -> None:
    """They are listed one by one."""
    types = properties("RestApi")["BinaryMediaTypes"]
    assert "text/plain" not in types
    assert not any("*" in each for each in types)
    assert "multipart/form-data" in types


#: Seconds in the gateway's own refusals. A daily quota takes longer.
RETRY_AFTER = {
    "THROTTLED": "'1'",
    "QUOTA_EXCEEDED": "'3600'",
    "INTEGRATION_FAILURE": "'1'",
    "INTEGRATION_TIMEOUT": "'5'",
}


@pytest.mark.parametrize("answer", of_type("AWS::ApiGateway::GatewayResponse"))
def test_gateway_responses_are_problem_documents(answer: str) -> None:
    """With a documented code."""
    declared = properties(answer)
    template, values = declared["ResponseTemplates"]["application/json"]["Fn::Sub"]
    assert "${" not in template.replace("${Api}", "")
    document = json.loads(template)
    assert document["type"] == f"${{Api}}/token/v1/errors/{document['code']}"
    assert values == {
        "Api": {
            "Fn::If": [
                "ApiHasDomain",
                {"Ref": "PublicApiUrl"},
                {
                    "Fn::If": [
                        "IsAws",
                        {"Fn::Sub": "https://${RestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${StageName}"},
                        {"Fn::Sub": "${ApiPathPrefix}/${RestApi}/${StageName}"},
                    ]
                },
            ]
        }
    }
    assert {"type", "title", "status", "detail", "code", "retriable", "request_id"} <= document.keys()
    assert str(document["status"]) == declared["StatusCode"]
    headers = {
        "gatewayresponse.header.Content-Type": "'application/problem+json'",
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
    }
    if declared["StatusCode"] in {"429", "503"}:
        headers["gatewayresponse.header.Access-Control-Expose-Headers"] = "'Retry-After'"
        headers["gatewayresponse.header.Retry-After"] = RETRY_AFTER[declared["ResponseType"]]
    assert declared["ResponseParameters"] == headers
    known = {each.code: each for each in error_classes()}
    assert document["code"] in known
    assert document["title"] == known[document["code"]].title
    assert document["retriable"] == known[document["code"]].retriable


def test_a_change_of_the_api_is_deployed() -> None:
    """Deployments are named after a hash of the API, so a change creates a new snapshot."""
    shown = json.dumps(of_type(*API_TYPES), sort_keys=True)
    digest = hashlib.sha256(shown.encode()).hexdigest()[:8]
    deployments = of_type("AWS::ApiGateway::Deployment")
    expected = {f"Api{way}Deployment{digest}" for way in ("Signed", "Keyed", "Token", "Open")}
    assert deployments.keys() == expected, f"rename the deployments in the template so that they end in {digest}"


@pytest.mark.parametrize("deployment", of_type("AWS::ApiGateway::Deployment"))
def test_a_deployment_depends_on_all_methods_and_responses(deployment: str) -> None:
    """A deployment depends on all methods and responses."""
    waits = set(RESOURCES[deployment]["DependsOn"])
    assert waits == of_type("AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse").keys()


def test_each_api_auth_has_its_deployment() -> None:
    """So a change of ApiAuth creates a new snapshot."""
    conditions = {resource["Condition"] for resource in of_type("AWS::ApiGateway::Deployment").values()}
    tested = {json.dumps(TEMPLATE["Conditions"][name]) for name in conditions}
    values = TEMPLATE["Parameters"]["ApiAuth"]["AllowedValues"]
    assert tested == {json.dumps({"Fn::Equals": [{"Ref": "ApiAuth"}, value]}) for value in values}


def test_the_api_requires_signatures_by_default() -> None:
    """Only ApiAuth=none requires nothing."""
    assert DEFAULTS["ApiAuth"] == "iam"
    for method in of_type("AWS::ApiGateway::Method").values():
        asked = method["Properties"]
        if asked["HttpMethod"] == "OPTIONS":
            continue  # a browser's question, which has no credentials
        if asked["ResourceId"] == {"Ref": "ApiTokenProxyResource"}:
            assert asked["AuthorizationType"] == "NONE"  # the function checks the upload token
            continue
        otherwise = {"Fn::If": ["AuthIsCognito", "COGNITO_USER_POOLS", "NONE"]}
        assert asked["AuthorizationType"] == {"Fn::If": ["AuthIsIam", "AWS_IAM", otherwise]}
        assert asked["AuthorizerId"]["Fn::If"][:2] == ["AuthIsCognito", {"Ref": "ApiAuthorizer"}]
        assert asked["ApiKeyRequired"] == {"Fn::If": ["AuthIsApiKey", True, False]}


def test_every_api_auth_has_limits() -> None:
    """The stage limits all callers together; the usage plan limits each key."""
    (everything,) = properties("ApiStage")["MethodSettings"]
    assert (everything["HttpMethod"], everything["ResourcePath"]) == ("*", "/*")
    assert everything["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    plan = properties("CallerPlan")
    assert plan["Throttle"] == {"RateLimit": {"Ref": "KeyRate"}, "BurstLimit": {"Ref": "KeyBurst"}}
    assert plan["Quota"] == {"Limit": {"Ref": "KeyDailyQuota"}, "Period": "DAY"}


def test_users_cannot_sign_up() -> None:
    """Only an administrator creates users, and the pool does not reveal who exists."""
    assert properties("CallerPool")["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert properties("CallerPoolClient")["PreventUserExistenceErrors"] == "ENABLED"
