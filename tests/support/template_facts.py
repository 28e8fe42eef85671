"""What tests of the template read: its resources, roles and functions."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from infra.deployment import template
from shared.settings import (
    ApiSettings,
    DeadLetterSettings,
    NotifierSettings,
    ReconcilerSettings,
    UploadSettings,
    WalkerSettings,
    WebhookSettings,
    WorkerSettings,
)

ROOT = Path(__file__).parents[2]
TEMPLATE = template.load_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFAULTS = template.parameter_defaults(TEMPLATE)
MAPPINGS = ("InteractiveMapping", "BulkMapping", "UploadMapping", "WatchMapping", "DeadLetterMapping")
JOB_QUEUES = ("JobQueue", "BulkQueue")
#: Queues whose dead letters are those of jobs.
SOURCES = (*JOB_QUEUES, "UploadQueue")
QUEUES = (
    *(*SOURCES, "WatchQueue", "DeadLetterQueue", "EventDeadLetterQueue"),
    *("WebhookQueue", "WebhookDeadLetterQueue"),
)
#: Roles of the functions that move jobs.
MOVERS = ("ApiRole", "WorkerRole", "DeadLetterRole", "ReconcilerRole", "WalkerRole")
ROLES = (
    *("ApiRole", "WorkerRole", "UploadRole", "DeadLetterRole", "ReconcilerRole", "WalkerRole"),
    *("NotifierRole", "WebhookRole"),
)
FUNCTIONS: dict[str, type[BaseModel]] = {
    "ApiFunction": ApiSettings,
    "WorkerFunction": WorkerSettings,
    "UploadFunction": UploadSettings,
    "DeadLetterFunction": DeadLetterSettings,
    "ReconcilerFunction": ReconcilerSettings,
    "WalkerFunction": WalkerSettings,
    "NotifierFunction": NotifierSettings,
    "WebhookFunction": WebhookSettings,
}
API_TYPES = tuple(
    f"AWS::ApiGateway::{name}" for name in ("RestApi", "Resource", "Method", "GatewayResponse", "Authorizer")
)


def properties(logical_id: str) -> dict[str, Any]:
    """Return the properties of one resource."""
    found: dict[str, Any] = RESOURCES[logical_id]["Properties"]
    return found


def of_type(*types: str) -> dict[str, Any]:
    """Pick the resources of these types."""
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] in types}


def number(value: Any) -> int:
    """Resolve a literal, a parameter or a look-up in Counts by the template's defaults."""
    if isinstance(value, dict) and "Ref" in value:
        return int(DEFAULTS[value["Ref"]])
    if isinstance(value, dict):
        mapping, key, member = value["Fn::FindInMap"]
        return int(TEMPLATE["Mappings"][mapping][str(number(key))][member])
    return int(value)


def statements(role: str) -> list[dict[str, Any]]:
    """List the statements of a role's own policies."""
    policies = properties(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def actions(statement: dict[str, Any]) -> list[str]:
    """List what a statement allows, whichever way it is written."""
    listed = statement["Action"]
    return [listed] if isinstance(listed, str) else listed


def resources(statement: dict[str, Any]) -> list[Any]:
    """List what a statement is about."""
    listed = statement["Resource"]
    return listed if isinstance(listed, list) else [listed]


def allowed(role: str) -> set[str]:
    """Collect every action that a role has."""
    return {action for statement in statements(role) for action in actions(statement)}


def environment(function: str) -> dict[str, Any]:
    """Return the environment variables of a function."""
    found: dict[str, Any] = properties(function)["Environment"]["Variables"]
    return found


def require_tls(document: dict[str, Any]) -> None:
    """Require that a resource policy refuses requests without TLS."""
    told = [statement.get("Fn::If", [None, statement])[1] for statement in document["Statement"]]
    assert any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in told
    )
