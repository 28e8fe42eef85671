"""Deploys the same template to a real AWS account, and takes it away again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import page
from infra.deployment import deploy, watch, wheels
from infra.faults import SetupFault
from infra.publishing import publish
from infra.sessions import aws_clients, translated
from infra.stack import Stack


@dataclass(frozen=True, slots=True)
class Account:
    """Which account, and under which name the stack lives there."""

    #: Stack name, and NamePrefix unless that is given.
    name: str = "safelight"
    profile: str | None = None
    region: str | None = None

    def target(self) -> watch.Target:
        """Return the stack there. Raises SetupFault where profile or region is missing."""
        return watch.Target(aws_clients(self.profile, self.region), self.name, watch.AWS_PACE)


def deploy_aws(account: Account, given: Mapping[str, str], cache: Path, approve: deploy.Approve) -> Stack | None:
    """Deploy; return where the stack is, None when the changes were declined.

    A parameter that is not given keeps the value it has. Raises SetupFault.
    """
    with translated():
        return _deploy(account.target(), account.name, given, cache, approve)


def destroy_aws(account: Account) -> bool:
    """Delete the stack with all its data; return whether there was one. Raises SetupFault."""
    with translated():
        return deploy.destroy(account.target())


def _deploy(
    target: watch.Target, name: str, given: Mapping[str, str], cache: Path, approve: deploy.Approve
) -> Stack | None:
    previous = watch.parameters_of(watch.describe(target))
    wanted = dict(given) if previous else {"NamePrefix": name} | dict(given)
    architecture = (previous | wanted).get("Architecture", "x86_64")
    if architecture not in wheels.ARCHITECTURES:
        raise SetupFault(f"Architecture must be one of {', '.join(wheels.ARCHITECTURES)}, not {architecture}.")
    packages = wheels.full(cache, architecture)
    values = deploy.settle(target.clients, packages, wanted, previous)
    accepted: list[bool] = []

    def ask(changes: deploy.Changes) -> bool:
        accepted.append(approve(changes))
        return accepted[-1]

    deploy.deploy(target, packages, values, ask)
    deployed = watch.describe(target)
    if accepted == [False] or deployed is None:
        return None
    outputs = watch.outputs(deployed)
    publish(target.clients, outputs["UiBucketName"], page.files(outputs, values["ApiAuth"]))
    return Stack.from_outputs(outputs, engine="aws", endpoint_url="")
