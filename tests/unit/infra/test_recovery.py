"""Deployments and deletions after operations that failed half-way."""

from typing import Any

import pytest
from support.failing_cloudformation import RESOURCES, FailingAws

from infra.deployment import change_sets, cloudformation, recovery
from infra.errors import SetupError
from infra.sessions import Clients

PROTECTED = {"CodeBucket": "code", "ProtectData": "true"}
OPEN = PROTECTED | {"ProtectData": "false"}
UNUSABLE = pytest.mark.parametrize("state", sorted(recovery.UNUSABLE))


@pytest.fixture(autouse=True)
def no_code_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the code bucket, which is not a resource of the stack."""
    monkeypatch.setattr("infra.deployment.code_bucket.upload_packages", lambda *_: None)
    monkeypatch.setattr("infra.deployment.code_bucket.upload_template", lambda *_: "https://bucket/template.yaml")
    monkeypatch.setattr("infra.deployment.code_bucket.delete_bucket", lambda *_: None)


def target(aws: FailingAws) -> cloudformation.Target:
    """Return the stack of the double."""
    double: Any = aws
    clients = Clients(double, double, double, "eu-west-1", connect=lambda _service: double)
    return cloudformation.Target(clients, "safelight", cloudformation.Polling(interval=0, timeout=60))


def is_protected(aws: FailingAws) -> bool:
    """Return True if the table and the user pool have deletion protection."""
    return aws.resources["JobTable"].is_protected and aws.resources["CallerPool"].is_protected


@pytest.mark.parametrize("failing", RESOURCES)
def test_failed_creation_can_be_repeated_and_destroyed(failing: str) -> None:
    """Whichever resource fails: deploy again, or destroy."""
    for then_deploy in (True, False):
        aws = FailingAws(failing=failing)
        with pytest.raises(SetupError, match=f"{failing}: Quota exceeded"):
            change_sets.deploy(target(aws), {}, PROTECTED)
        assert aws.state == "ROLLBACK_COMPLETE", "nothing was protected yet"
        aws.failing = None
        if then_deploy:
            assert change_sets.deploy(target(aws), {}, PROTECTED)
            assert is_protected(aws)
        else:
            assert recovery.destroy(target(aws))
            assert aws.state is None


def test_new_stack_is_protected_by_a_second_change_set() -> None:
    """The user approves once."""
    aws = FailingAws()
    answers = iter([True])
    assert change_sets.deploy(target(aws), {}, PROTECTED, lambda _changes: next(answers))
    assert aws.calls == ["CREATE pending", "UPDATE true"]
    assert is_protected(aws)
    assert list(answers) == []


def test_unprotected_stack_needs_one_change_set() -> None:
    """ProtectData=false is deployed as it is."""
    aws = FailingAws()
    assert change_sets.deploy(target(aws), {}, OPEN)
    assert aws.calls == ["CREATE false"]


def test_existing_stack_stays_protected_during_an_update() -> None:
    """Only a creation is unprotected."""
    aws = FailingAws("UPDATE_COMPLETE", dict(PROTECTED)).exist(is_protected=True)
    assert change_sets.deploy(target(aws), {}, PROTECTED)
    assert aws.calls == ["UPDATE true"]


def test_failed_protection_is_reported() -> None:
    """The error says that the data is not protected; the next deployment protects it."""
    aws = FailingAws(failing_update="JobTable")
    with pytest.raises(SetupError, match="not protected yet"):
        change_sets.deploy(target(aws), {}, PROTECTED)
    assert aws.parameters["ProtectData"] == change_sets.PENDING
    aws.failing_update = None
    assert change_sets.deploy(target(aws), {}, PROTECTED)
    assert is_protected(aws)


@pytest.mark.parametrize(
    ("given", "previous", "expected"),
    [
        ({}, {"ProtectData": "pending"}, "true"),
        ({"ProtectData": "false"}, {"ProtectData": "pending"}, "false"),
        ({}, {"ProtectData": "false"}, "false"),
        ({}, {}, "true"),
    ],
)
def test_interrupted_deployment_remembers_the_protection(
    given: dict[str, str], previous: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the first deployment is killed between its change sets, the next one protects the data."""
    monkeypatch.setattr("infra.deployment.code_bucket.bucket_name", lambda *_: "code")
    values = change_sets.resolve_parameters(target(FailingAws()).clients, {}, given, previous)
    assert values["ProtectData"] == expected


@UNUSABLE
def test_deploy_replaces_an_empty_stack_in_every_failed_state(state: str) -> None:
    """Also one whose empty tables are protected, as older versions left it."""
    aws = FailingAws(state, dict(PROTECTED)).exist(is_protected=True, count=3, of="UiBucket")
    assert change_sets.deploy(target(aws), {}, PROTECTED)
    assert aws.state == "UPDATE_COMPLETE"
    assert aws.calls[:3] == ["empty UiBucket", "release JobTable", "release CallerPool"]


@UNUSABLE
@pytest.mark.parametrize("name", ["JobTable", "ImageBucket", "CallerPool"])
def test_deploy_deletes_no_data(state: str, name: str) -> None:
    """It refuses before it changes anything, and names what contains data."""
    aws = FailingAws(state, dict(OPEN)).exist(count=1, of=name)
    with pytest.raises(SetupError, match=f"{name} still contains data"):
        change_sets.deploy(target(aws), {}, OPEN)
    assert aws.calls == []


@UNUSABLE
def test_destroy_works_in_every_failed_state(state: str) -> None:
    """It empties the buckets and turns off the protection of empty tables."""
    aws = FailingAws(state, dict(PROTECTED)).exist(is_protected=True, count=2, of="ImageBucket")
    assert recovery.destroy(target(aws))
    assert aws.calls == ["release JobTable", "release CallerPool", "empty ImageBucket", "delete"]
    assert aws.state is None


@pytest.mark.parametrize(("name", "command"), [("JobTable", "update-table"), ("CallerPool", "update-user-pool")])
def test_destroy_deletes_no_protected_data(name: str, command: str) -> None:
    """The error contains the command that turns off the protection; no bucket was emptied."""
    aws = FailingAws("DELETE_FAILED", dict(PROTECTED)).exist(is_protected=True, count=1, of=name)
    with pytest.raises(SetupError, match=f"{command} .* {name}"):
        recovery.destroy(target(aws))
    assert aws.calls == []


def test_destroy_deletes_unprotected_data() -> None:
    """In a failed state, too."""
    aws = FailingAws("DELETE_FAILED", dict(OPEN)).exist(count=1, of="JobTable")
    assert recovery.destroy(target(aws))
    assert aws.state is None


def test_destroy_removes_a_stack_that_contains_only_a_change_set() -> None:
    """An interrupted first deployment leaves such a stack."""
    aws = FailingAws("REVIEW_IN_PROGRESS")
    assert recovery.destroy(target(aws))
    assert aws.state is None


def test_deploy_continues_after_an_interrupted_first_deployment() -> None:
    """The stack that contains only a change set is created."""
    aws = FailingAws("REVIEW_IN_PROGRESS")
    assert change_sets.deploy(target(aws), {}, OPEN)
    assert aws.calls == ["CREATE false"]


@pytest.mark.parametrize(("state", "call"), [("UPDATE_FAILED", "roll back"), ("UPDATE_ROLLBACK_FAILED", "continue")])
def test_failed_update_is_rolled_back_first(state: str, call: str) -> None:
    """Then the stack is updated; nothing is deleted."""
    aws = FailingAws(state, dict(PROTECTED)).exist(is_protected=True)
    assert change_sets.deploy(target(aws), {}, PROTECTED)
    assert aws.calls == [call, "UPDATE true"]


@pytest.mark.parametrize("state", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"])
def test_busy_stack_is_not_destroyed(state: str) -> None:
    """No bucket is emptied while another operation runs."""
    aws = FailingAws(state, dict(OPEN)).exist(count=1, of="ImageBucket")
    with pytest.raises(SetupError, match="busy"):
        recovery.destroy(target(aws))
    assert aws.calls == []


def test_image_uploaded_during_the_deletion_is_deleted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deletion fails because of it, and is repeated."""
    aws = FailingAws("CREATE_COMPLETE", dict(OPEN)).exist(count=1, of="ImageBucket")
    delete = aws.delete_stack

    def upload_and_delete(**more: str) -> None:
        if "delete" not in aws.calls:
            aws.resources["ImageBucket"].count = 1
        delete(**more)

    monkeypatch.setattr(aws, "delete_stack", upload_and_delete)
    assert recovery.destroy(target(aws))
    assert aws.calls == ["empty ImageBucket", "delete", "empty ImageBucket", "delete"]
