"""Deploy the template to an AWS account, and delete it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.deployment import api_gateway, change_sets, cloudformation, network, page, recovery, wheels
from infra.deployment.page import publish
from infra.errors import SetupError
from infra.sessions import aws_clients, translate_aws_errors
from infra.stack import Stack


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account and the name of the stack in it."""

    #: Name of the stack, and also the value of NamePrefix if this parameter is not given.
    name: str = "safelight"
    profile: str | None = None
    region: str | None = None

    def target(self) -> cloudformation.Target:
        """Return the stack to deploy. Raises SetupError if the profile or region is missing."""
        return cloudformation.Target(aws_clients(self.profile, self.region), self.name, cloudformation.AWS_POLLING)


def deploy_aws(account: Account, given: Mapping[str, str], cache: Path, approve: change_sets.Approve) -> Stack | None:
    """Deploy the stack. Return it, or None if the changes were declined.

    A parameter that is not given keeps its value. Raises SetupError if the deployment fails.
    """
    with translate_aws_errors():
        return _deploy(account.target(), account.name, given, cache, approve)


def destroy_aws(account: Account) -> bool:
    """Delete the stack with all its data. Return False if the stack does not exist. Raises SetupError if this fails."""
    with translate_aws_errors():
        return recovery.destroy(account.target())


def _deploy(
    target: cloudformation.Target, name: str, given: Mapping[str, str], cache: Path, approve: change_sets.Approve
) -> Stack | None:
    previous = cloudformation.get_parameters(cloudformation.describe_stack(target))
    requested = dict(given) if previous else {"NamePrefix": name} | dict(given)
    architecture = (previous | requested).get("Architecture", "x86_64")
    if architecture not in wheels.ARCHITECTURES:
        raise SetupError(f"Architecture must be one of {', '.join(wheels.ARCHITECTURES)}, not {architecture}.")
    packages = wheels.build_full(cache, architecture)
    values = change_sets.resolve_parameters(target.clients, packages, requested, previous)
    network.check_network(target, values)
    api_gateway.check_access_logs(target.clients, values)
    accepted: list[bool] = []

    def ask(changes: change_sets.Changes) -> bool:
        accepted.append(approve(changes))
        return accepted[-1]

    change_sets.deploy(target, packages, values, ask)
    deployed = cloudformation.describe_stack(target)
    if accepted == [False] or deployed is None:
        return None
    outputs = cloudformation.get_outputs(deployed)
    publish(target.clients, outputs["UiBucketName"], page.build_files(outputs, values["ApiAuth"]))
    return Stack.from_outputs(outputs, engine="aws", endpoint_url="")
