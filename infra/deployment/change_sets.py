"""Deploy the template as a CloudFormation change set, the same way on AWS and on local engines."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from infra.deployment import cloudformation, code_bucket, recovery, template
from infra.deployment.packaging import Package
from infra.deployment.parameters import check_parameters
from infra.errors import SetupError
from infra.sessions import Clients

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import CapabilityType, ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

CAPABILITIES: "Sequence[CapabilityType]" = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
#: Longest template that CloudFormation accepts in a request. A longer template must be in a bucket.
MAX_BODY_BYTES = 51_200
#: Value of ProtectData while the stack is created. If the creation fails, CloudFormation can delete all resources.
PENDING = "pending"

Changes = Sequence[cloudformation.Change]
#: Called with the changes. Returns True to deploy them.
Approve = Callable[[Changes], bool]


def resolve_parameters(
    clients: Clients, packages: Mapping[str, Package], given: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return a value for every parameter: the given value, or else the previous value, or else the template's default.

    Raises SetupError if a given parameter does not exist or if the values contradict each other.
    """
    declared = template.load_template()
    defaults = template.parameter_defaults(declared)
    known = template.parameter_names(declared)
    kept = {name: value for name, value in previous.items() if name in known}
    values = defaults | kept | dict(given)
    values |= {f"{name.capitalize()}CodeKey": package.key for name, package in packages.items()}
    if values["ProtectData"] == PENDING:  # the deployment was interrupted between creation and protection
        values["ProtectData"] = "true"
    values["CodeBucket"] = code_bucket.bucket_name(clients, values["NamePrefix"])
    check_parameters(values, known)
    return values


def is_current(target: cloudformation.Target, stack: "StackTypeDef | None", values: Mapping[str, str]) -> bool:
    """Return True if the stack already has this template, this code and these values."""
    if stack is None or stack["StackStatus"] not in cloudformation.COMPLETE_STATES:
        return False
    if cloudformation.get_parameters(stack) != values:
        return False
    deployed = target.clients.cloudformation.get_template(StackName=target.stack_name, TemplateStage="Original")
    body: object = deployed["TemplateBody"]
    return body == template.TEMPLATE.read_text(encoding="utf-8")


def deploy(
    target: cloudformation.Target,
    packages: Mapping[str, Package],
    values: Mapping[str, str],
    approve: Approve = lambda _changes: True,
) -> bool:
    """Deploy the template with ``values``. Return True if anything has changed.

    A new stack is created without protection of its data, and a second change set protects the data. A stack whose last
    operation failed is recovered first (:func:`recovery.prepare_stack`).

    Raises SetupError, with the first errors that CloudFormation reported, if the deployment fails.
    """
    stack = recovery.prepare_stack(target)
    code_bucket.upload_packages(target.clients, values["CodeBucket"], packages.values())
    if stack:
        return _apply(target, "UPDATE", values, approve)
    is_protected = values.get("ProtectData") == "true"
    if not _apply(target, "CREATE", {**values, "ProtectData": PENDING} if is_protected else values, approve):
        return False
    if is_protected:
        try:
            _apply(target, "UPDATE", values, lambda _changes: True)
        except SetupError as error:
            raise SetupError(
                f"The stack {target.stack_name} was created, but its data is not protected yet. Deploy again. {error}"
            ) from error
    return True


def _apply(
    target: cloudformation.Target, kind: "ChangeSetTypeType", values: Mapping[str, str], approve: Approve
) -> bool:
    change_set = _create(target, kind, values)
    changes = cloudformation.wait_for_changes(target, change_set)
    if not changes or not approve(changes):
        target.clients.cloudformation.delete_change_set(ChangeSetName=change_set)
        if kind == "CREATE":  # delete the empty stack that contained only the change set
            recovery.delete_stack(target)
        return False
    seen = cloudformation.get_event_ids(target)
    target.clients.cloudformation.execute_change_set(ChangeSetName=change_set)
    state = cloudformation.wait_for_end(target, seen)
    if state not in cloudformation.COMPLETE_STATES:
        reasons = cloudformation.failure_reasons(target, seen) or [state]
        raise SetupError(f"The stack {target.stack_name} could not be deployed: {'; '.join(reasons)}")
    return True


def _create(target: cloudformation.Target, kind: "ChangeSetTypeType", values: Mapping[str, str]) -> str:
    body = template.TEMPLATE.read_text(encoding="utf-8")
    parameters: list[ParameterTypeDef] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(values.items())
    ]
    name = f"{target.stack_name}-{time.time_ns()}"
    create = partial(
        target.clients.cloudformation.create_change_set,
        StackName=target.stack_name,
        ChangeSetName=name,
        ChangeSetType=kind,
        Parameters=parameters,
        Capabilities=CAPABILITIES,
    )
    if len(body.encode()) > MAX_BODY_BYTES:
        answer = create(TemplateURL=code_bucket.upload_template(target.clients, values["CodeBucket"], body))
    else:
        answer = create(TemplateBody=body)
    return answer["Id"]
