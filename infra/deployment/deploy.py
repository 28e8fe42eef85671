"""Deploys the template as a CloudFormation change set, the same way to AWS and to a local engine."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.deployment import code_bucket, template, watch
from infra.deployment.packaging import Package
from infra.deployment.parameters import check
from infra.faults import SetupFault
from infra.sessions import Clients

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import CapabilityType, ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

CAPABILITIES: "Sequence[CapabilityType]" = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
#: CloudFormation takes no longer template in the request itself; a longer one goes by the bucket.
MAX_BODY_BYTES = 51_200
#: States that a stack leaves only by being deleted: its first creation, or its deletion, went wrong.
_UNUSABLE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
_NEW = frozenset({"REVIEW_IN_PROGRESS"})

Changes = Sequence[watch.Change]
#: Is shown the changes and says whether to go on.
Approve = Callable[[Changes], bool]


def settle(
    clients: Clients, packages: Mapping[str, Package], given: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return the value of every parameter: as given, else as it was, else the template's default.

    Raises SetupFault where they contradict each other.
    """
    declared = template.load()
    defaults = template.parameter_defaults(declared)
    known = template.parameter_names(declared)
    kept = {name: value for name, value in previous.items() if name in known}
    values = defaults | kept | dict(given)
    values |= {f"{name.capitalize()}CodeKey": package.key for name, package in packages.items()}
    values["CodeBucket"] = code_bucket.name(clients, values["NamePrefix"])
    check(values, known)
    return values


def is_current(target: watch.Target, stack: "StackTypeDef | None", values: Mapping[str, str]) -> bool:
    """Tell whether the stack already has this template, this code and these values."""
    if stack is None or stack["StackStatus"] not in watch.DONE or watch.parameters_of(stack) != values:
        return False
    deployed = target.clients.cloudformation.get_template(StackName=target.stack_name, TemplateStage="Original")
    body: object = deployed["TemplateBody"]
    return body == template.TEMPLATE.read_text(encoding="utf-8")


def deploy(
    target: watch.Target,
    packages: Mapping[str, Package],
    values: Mapping[str, str],
    approve: Approve = lambda _changes: True,
) -> bool:
    """Bring the stack to the template and ``values``; return whether anything changed.

    Raises SetupFault, with CloudFormation's first reasons, when it fails.
    """
    stack = _usable(target)
    kind: ChangeSetTypeType = "UPDATE" if stack and stack["StackStatus"] not in _NEW else "CREATE"
    code_bucket.upload(target.clients, values["CodeBucket"], packages.values())
    change_set = _create(target, kind, values)
    changes = watch.await_changes(target, change_set)
    if not changes or not approve(changes):
        target.clients.cloudformation.delete_change_set(ChangeSetName=change_set)
        if kind == "CREATE":  # nothing but the shell that held the change set
            _delete(target)
        return False
    seen = watch.event_ids(target)
    target.clients.cloudformation.execute_change_set(ChangeSetName=change_set)
    state = watch.await_end(target, seen)
    if state not in watch.DONE:
        reasons = watch.reasons(target, seen) or [state]
        raise SetupFault(f"The stack {target.stack_name} could not be deployed: {'; '.join(reasons)}")
    return True


def destroy(target: watch.Target) -> bool:
    """Empty the buckets and delete the stack; return whether there was one. Raises SetupFault."""
    stack = watch.describe(target)
    if stack is None:
        return False
    parameters = watch.parameters_of(stack)
    if parameters.get("ProtectData") == "true":
        raise SetupFault(f"The data of {target.stack_name} is protected: deploy it with ProtectData=false first.")
    outputs = watch.outputs(stack)
    for bucket in ("ImageBucketName", "UiBucketName"):
        if bucket in outputs:
            code_bucket.empty(target.clients, outputs[bucket])
    _delete(target)
    if "CodeBucket" in parameters:
        code_bucket.remove(target.clients, parameters["CodeBucket"])
    return True


def _usable(target: watch.Target) -> "StackTypeDef | None":
    stack = watch.describe(target)
    if stack is None:
        return None
    state = stack["StackStatus"]
    if state in _UNUSABLE:
        _delete(target)
        return None
    if state.endswith("_IN_PROGRESS") and state not in _NEW:
        raise SetupFault(f"The stack {target.stack_name} is busy ({state}): wait until that has ended.")
    return stack


def _create(target: watch.Target, kind: "ChangeSetTypeType", values: Mapping[str, str]) -> str:
    body = template.TEMPLATE.read_text(encoding="utf-8")
    parameters: list[ParameterTypeDef] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(values.items())
    ]
    name = f"{target.stack_name}-{time.time_ns()}"
    if len(body.encode()) > MAX_BODY_BYTES:
        url = code_bucket.upload_template(target.clients, values["CodeBucket"], body)
        answer = target.clients.cloudformation.create_change_set(
            StackName=target.stack_name,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateURL=url,
            Parameters=parameters,
            Capabilities=CAPABILITIES,
        )
    else:
        answer = target.clients.cloudformation.create_change_set(
            StackName=target.stack_name,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=body,
            Parameters=parameters,
            Capabilities=CAPABILITIES,
        )
    return answer["Id"]


def _delete(target: watch.Target) -> None:
    seen = watch.event_ids(target)
    target.clients.cloudformation.delete_stack(StackName=target.stack_name)
    state = watch.await_end(target, seen)
    if state != "DELETE_COMPLETE":
        reasons = watch.reasons(target, seen) or [state]
        raise SetupFault(f"The stack {target.stack_name} could not be deleted: {'; '.join(reasons)}")
