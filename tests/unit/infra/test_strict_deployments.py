"""Deployments that fail at any resource, against a strict stand-in for CloudFormation."""

from collections.abc import Callable, Collection

import pytest
from support.strict_aws.declarations import declare
from support.strict_aws.deployment import EVERYTHING, VPC, Deployer, use
from support.thorough import every

from infra.deployment import template
from infra.errors import SetupError

LITTLE = {"ApiAuth": "none", "Notifications": "off", "Monitoring": "off", "RequireTls": "false"}
CONFIGURATIONS = pytest.mark.parametrize(
    "given",
    [
        {},
        EVERYTHING,
        {"ApiAuth": "api-key", "PublicUi": "true", "FairQueues": "off"},
        LITTLE,
    ],
    ids=["default", "everything", "keys", "little"],
)
EXISTING = dict.fromkeys(("VpcS3Endpoint", "VpcDynamoDbEndpoint", "VpcSqsEndpoint", "VpcSnsEndpoint"), "existing")
Prepare = Callable[[], Deployer]
Sample = Callable[[list[str]], list[str]]
TEMPLATE = template.load_template()
DEFAULTS = template.parameter_defaults(TEMPLATE)
DEFAULTS_OF_LITTLE = {name: DEFAULTS[name] for name in LITTLE if name != "ApiAuth"}
#: Another value of each parameter that has one, with the parameters that it requires.
CHANGES = {
    **{
        name: {
            name: str(
                next(value for value in declared["AllowedValues"] if str(value) not in {DEFAULTS[name], "pending"})
            )
        }
        for name, declared in TEMPLATE["Parameters"].items()
        if "AllowedValues" in declared and name not in {"Architecture", "ProtectData"}
    },
    **{name: {name: EVERYTHING[name]} for name in ("AlarmEmail", "ImportBuckets", "KmsKeyArn")},
    "StageName": {"StageName": "beta"},
    "LoginDomain": {"LoginDomain": "other"},
    "UiOrigins": {"UiOrigins": "https://example.com"},
    "UiDomain": {name: EVERYTHING[name] for name in ("UiDomain", "UiCertificateArn", "UiCloudFront")},
    "VpcId": VPC,
    "QueueVisibilityTimeout": {"QueueVisibilityTimeout": "900"},
    "ObjectDays": {"ObjectDays": "99"},
}


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """Return a function that empties the account."""
    return lambda: use(Deployer(), monkeypatch)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    """Return a function that selects resources of a list: all with ``--thorough``, otherwise every tenth."""
    step = 1 if request.config.getoption("--thorough") else 10
    return lambda names: names[::step]


def list_resources(given: dict[str, str]) -> list[str]:
    """Return the logical IDs of a stack with these parameters."""
    keys = dict.fromkeys(("CodeBucket", "ApiCodeKey", "WorkerCodeKey", "NotifierCodeKey"), "x")
    return [*declare(keys | given).resources]


@CONFIGURATIONS
def test_stack_is_created_protected_and_destroyed(given: dict[str, str], prepare: Prepare) -> None:
    """Nothing remains."""
    aws = prepare()
    assert aws.deploy(**given)
    assert aws.stack.state == "UPDATE_COMPLETE"
    assert aws.list_unprotected() == []
    with pytest.raises(SetupError, match="protected: deploy with ProtectData=false first"):
        aws.destroy()
    assert aws.deploy(ProtectData="false")
    assert aws.destroy()
    assert aws.is_empty()


@CONFIGURATIONS
@pytest.mark.parametrize("again", ["deploy", "destroy"])
def test_creation_can_fail_at_every_resource(
    again: str, given: dict[str, str], prepare: Prepare, sample: Sample
) -> None:
    """Whichever resource fails, the stack is rolled back, and can be deployed again or destroyed."""
    new = [name for name in list_resources(given) if given == EVERYTHING or name not in list_resources(EVERYTHING)]
    assert new
    for number, name in enumerate(sample(new)):
        aws = prepare()
        aws.cloudformation.leaves_failed_resources = bool(number % 2)  # a failed resource may exist nevertheless
        aws.fail(("create", name))
        with pytest.raises(SetupError, match=rf"could not be deployed: {name}: Sabotaged"):
            aws.deploy(**given)
        assert (aws.stack.state, aws.account.resources) == ("ROLLBACK_COMPLETE", {}), name
        aws.repair()
        assert_recovers(aws, again, given)


def assert_recovers(aws: Deployer, again: str, given: dict[str, str]) -> None:
    """Deploy or destroy a stack whose last operation has failed."""
    if again == "destroy":
        assert aws.destroy()
        assert aws.is_empty()
        return
    assert aws.deploy(**(given | {"ProtectData": "true"}))
    assert aws.stack.state == "UPDATE_COMPLETE"
    assert aws.list_unprotected() == []


def test_rollback_of_a_creation_can_fail_at_every_resource(prepare: Prepare, sample: Sample) -> None:
    """The stack contains no data, so it is deleted, and created again."""
    last = list_resources(EVERYTHING)[-1]
    for number, name in enumerate(sample(list_resources(EVERYTHING)[:-1])):
        aws = prepare()
        aws.fail(("create", last), ("delete", name))
        with pytest.raises(SetupError, match=f"{last}: Sabotaged"):
            aws.deploy(**EVERYTHING)
        assert aws.stack.state == "ROLLBACK_FAILED", name
        aws.repair()
        assert_recovers(aws, "deploy" if number % 2 else "destroy", EVERYTHING)


def test_deletion_can_fail_at_every_resource(prepare: Prepare, sample: Sample) -> None:
    """The error names the resource; a repetition deletes the rest, and so does a deployment."""
    for number, name in enumerate(sample(list_resources(EVERYTHING))):
        aws = prepare()
        aws.deploy(**EVERYTHING, ProtectData="false")
        aws.fail(("delete", name))
        with pytest.raises(SetupError, match=f"could not be deleted: {name}: Sabotaged"):
            aws.destroy()
        assert aws.stack.state == "DELETE_FAILED", name
        aws.repair()
        assert_recovers(aws, "deploy" if number % 2 else "destroy", EVERYTHING)


def test_update_can_fail_at_every_resource(prepare: Prepare, sample: Sample) -> None:
    """Everything is rolled back, no data is lost, and the update can be repeated."""
    before = LITTLE | {"ApiAuth": "cognito"}
    after = EVERYTHING | DEFAULTS_OF_LITTLE
    added = {*list_resources(after)} - {*list_resources(before)}
    for name in sample([name for name in list_resources(after) if is_changed(name, before, after)]):
        aws = prepare()
        aws.deploy(**before)
        add_data(aws)
        was = snapshot(aws)
        aws.fail(("create" if name in added else "update", name))
        with pytest.raises(SetupError, match=f"could not be deployed: {name}: Sabotaged"):
            aws.deploy(**after)
        assert aws.stack.state == "UPDATE_ROLLBACK_COMPLETE", name
        assert snapshot(aws) == was, name
        aws.repair()
        assert aws.deploy(**after), name
        assert has_data(aws, without=added), name


def test_rollback_of_an_update_can_fail(prepare: Prepare) -> None:
    """The next deployment continues the rollback, then updates the stack."""
    aws = prepare()
    aws.deploy()
    add_data(aws)
    failures = iter(["", "Sabotaged"])  # the rollback fails where the update had succeeded
    aws.cloudformation.sabotage = lambda verb, name: (
        "Sabotaged"
        if (verb, name) == ("create", "AccessLogGroup")
        else next(failures, "")
        if (verb, name) == ("update", "DeadLetterQueue")
        else ""
    )
    key = {"KmsKeyArn": EVERYTHING["KmsKeyArn"], "AccessLogs": "true"}
    with pytest.raises(SetupError, match="AccessLogGroup: Sabotaged"):
        aws.deploy(**key)
    assert aws.stack.state == "UPDATE_ROLLBACK_FAILED"
    aws.repair()
    assert aws.deploy(**key)
    assert aws.stack.state == "UPDATE_COMPLETE"
    assert has_data(aws)


def test_protection_can_fail_at_every_table(prepare: Prepare) -> None:
    """The stack exists and works; the error says what is missing, and the next deployment adds it."""
    given = {"ApiAuth": "cognito"}
    aws = prepare()
    aws.deploy(**given)
    protected = [name for name, each in aws.stack.resources.items() if each.resource and each.resource.is_protected]
    assert len(protected) == 6
    for name in protected:
        aws = prepare()
        aws.fail(("update", name))
        with pytest.raises(SetupError, match=rf"not protected yet\. Deploy again\. .*{name}: Sabotaged"):
            aws.deploy(**given)
        aws.repair()
        assert aws.deploy()
        assert aws.list_unprotected() == []


@pytest.mark.parametrize("state", ["ROLLBACK_FAILED", "DELETE_FAILED"])
@pytest.mark.parametrize("holder", ["ImageBucket", "JobTable", "CallerPool"])
def test_failed_stack_with_data_is_not_deleted(holder: str, state: str, prepare: Prepare) -> None:
    """`safelight deploy` names what contains data, and deletes nothing."""
    aws = prepare()
    aws.deploy(ApiAuth="cognito", ProtectData="false")
    resource = aws.stack.resources[holder].resource
    assert resource
    resource.content["1"] = b""
    aws.stack.state = state
    was = snapshot(aws)
    with pytest.raises(SetupError, match=f"{resource.id} still contains data"):
        aws.deploy(ApiAuth="cognito")
    assert snapshot(aws) == was


def test_old_failures_are_not_reported_again(prepare: Prepare) -> None:
    """A page of events has 100; the reasons are those of the last operation."""
    aws = prepare()
    aws.deploy()
    aws.fail(("create", "TracingPolicy"), reason="The first reason")
    with pytest.raises(SetupError, match="The first reason"):
        aws.deploy(Tracing="true")
    aws.repair()
    aws.deploy(KmsKeyArn=EVERYTHING["KmsKeyArn"])
    aws.deploy(KmsKeyArn="")
    aws.fail(("create", "TracingPolicy"), reason="The second reason")
    with pytest.raises(SetupError, match=r"deployed: TracingPolicy: The second reason$"):
        aws.deploy(Tracing="true")


def test_stacks_share_an_account(prepare: Prepare) -> None:
    """With other names in one region, or with one name in two regions."""
    aws = prepare()
    assert aws.deploy(**EVERYTHING)
    assert aws.deploy("second", **(EVERYTHING | EXISTING | {"LoginDomain": "another", "Reviewer": "false"}))
    assert aws.deploy(
        "safelight-2", region="us-east-1", **(EVERYTHING | {"Reviewer": "false", "NamePrefix": "safelight"})
    )


@pytest.mark.parametrize(
    ("change", "resource"),
    [
        ({}, "S3Endpoint"),
        (EXISTING | {"VpcSqsEndpoint": "create", "Reviewer": "false"}, "SqsEndpoint"),
        (EXISTING, "ReviewerUser"),
    ],
)
def test_second_stack_cannot_have_everything(change: dict[str, str], resource: str, prepare: Prepare) -> None:
    """As documented: one reviewer in an account, and one endpoint of a service in a VPC."""
    aws = prepare()
    aws.deploy(**EVERYTHING)
    with pytest.raises(SetupError, match=rf"{resource}: .*already|{resource}: instructor-review already exists"):
        aws.deploy("second", **(EVERYTHING | {"LoginDomain": "another"} | change))


@pytest.mark.parametrize("parameter", every(4, sorted(CHANGES)))
def test_every_parameter_can_be_changed_and_changed_back(parameter: str, prepare: Prepare) -> None:
    """Without replacing a bucket, table or queue, and without two resources of one name."""
    aws = prepare()
    before = {"ApiAuth": "cognito", "LoginDomain": "ours"} if parameter.startswith("Login") else {}
    aws.deploy(**before)
    add_data(aws)
    assert aws.deploy(**(before | CHANGES[parameter]))
    assert aws.deploy(**(DEFAULTS | before))
    assert has_data(aws)


def add_data(aws: Deployer) -> None:
    """Put an object, item or user into everything that can contain some."""
    for each in aws.account.resources.values():
        if each.kind in {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::SQS::Queue"}:
            each.content["data"] = b"data"


def has_data(aws: Deployer, *, without: Collection[str] = ()) -> bool:
    """Return True if all data is still in resources of the stack. ``without`` are those created after ``add_data``.

    The page's bucket is written by each deployment.
    """
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue")
    found = {name: each.resource for name, each in aws.stack.resources.items() if each.declared.kind in kinds}
    return all(each is not None and each.content for name, each in found.items() if name not in {"UiBucket", *without})


def snapshot(aws: Deployer) -> dict[str, tuple[object, ...]]:
    """Return what exists, with its properties and its data."""
    return {
        key: (each.kind, each.properties, dict(each.content) if "uibucket" not in key else None)
        for key, each in aws.account.resources.items()
    }


def is_changed(name: str, before: dict[str, str], after: dict[str, str]) -> bool:
    """Return True if a resource differs between two sets of parameters."""
    keys = dict.fromkeys(("CodeBucket", "ApiCodeKey", "WorkerCodeKey", "NotifierCodeKey"), "x")
    old, new = (declare(keys | each).resources.get(name) for each in (before, after))
    return old is None or new is None or old.properties != new.properties
