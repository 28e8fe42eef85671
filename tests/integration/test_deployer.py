"""The calls of `safelight deploy` and `safelight destroy` are those for which docs/policies gives permissions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from support.deployer_policy import OWN_CALLS, OWN_OPTIONAL_CALLS
from support.strict_aws.deployment import Deployer, use

from infra.deployment import page
from infra.errors import SetupError
from infra.sessions import Clients

#: A failed update that was not rolled back: only a stack that somebody else has updated can be in this state.
NOT_REACHED = {"cloudformation:RollbackStack"}


@dataclass(frozen=True, slots=True)
class Recorder:
    """A client that records its operations."""

    service: str
    client: Any
    calls: set[str]

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the client. A method records itself, a paginator its operation."""
        found = getattr(self.client, name)
        if name in {"meta", "exceptions", "get_waiter"}:
            return found

        def call(*arguments: Any, **more: Any) -> Any:
            operation = arguments[0] if name == "get_paginator" else name
            self.calls.add(f"{self.service}:{operation.title().replace('_', '')}")
            return found(*arguments, **more)

        return call


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> tuple[Deployer, set[str]]:
    """Return a deployer whose calls are recorded."""
    calls: set[str] = set()
    deployer = use(Deployer(), monkeypatch)
    make: Callable[..., Clients] = deployer.make_clients

    def make_recorders(profile: str | None, region: str | None) -> Clients:
        clients = make(profile, region)

        def record(service: str, client: Any) -> Any:
            return Recorder(service, client, calls)

        return replace(
            clients,
            cloudformation=record("cloudformation", clients.cloudformation),
            s3=record("s3", clients.s3),
            sts=record("sts", clients.sts),
            connect=lambda service: record(service, clients.connect(service)),
        )

    monkeypatch.setattr("infra.deployment.aws_account.aws_clients", make_recorders)
    return deployer, calls


def test_calls_are_those_of_the_policy(recorded: tuple[Deployer, set[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Creation, failed creation, update, failed update and rollback, page, deletion of data and stack."""
    aws, calls = recorded
    given = {"ApiAuth": "cognito", "AccessLogs": "true"}
    aws.fail(("create", "ApiStage"), ("delete", "JobTable"))
    with pytest.raises(SetupError):
        aws.deploy(**given)
    aws.repair()
    aws.deploy(**given)
    failures = iter(["", "Sabotaged"])
    aws.cloudformation.sabotage = lambda verb, name: (
        next(failures, "")
        if name == "JobQueue"
        else "Sabotaged"
        if (verb, name) == ("create", "ReviewerPolicy")
        else ""
    )
    with pytest.raises(SetupError):
        aws.deploy(Reviewer="true", QueueVisibilityTimeout="900")
    aws.repair()
    file = page.File(b"", "", "")
    monkeypatch.setattr("infra.deployment.page.build_files", lambda *_: {"index.html": file})
    aws.deploy(Reviewer="true")
    monkeypatch.setattr("infra.deployment.page.build_files", lambda *_: {"config.json": file})
    aws.deploy(ProtectData="false")
    aws.deploy()  # without changes
    aws.stack.state = "DELETE_FAILED"
    for name in ("JobTable", "CallerPool"):
        resource = aws.stack.resources[name].resource
        assert resource
        protection = {"DeletionProtectionEnabled": True} if name == "JobTable" else {"DeletionProtection": "ACTIVE"}
        resource.properties = {**resource.properties, **protection}
    aws.destroy()
    assert aws.is_empty()
    optional = {each for each in OWN_OPTIONAL_CALLS if not each.startswith("ec2:")}
    assert calls == {*OWN_CALLS, *optional} - NOT_REACHED
