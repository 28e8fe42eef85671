"""The Lambda functions on moto, with the tables, bucket and queues of the template."""

import copy
import copyreg
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import moto.core.models
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import JSONSerializer
from moto.dynamodb.responses import DynamoHandler
from support import slow_machines  # noqa: F401 - settings of hypothesis
from support.client_pool import ClientPool
from support.moto_cloud import BATCHES, BUCKET, LIBRARY, TABLE, Cloud
from support.sandbox_pool import SandboxPool

import api.batches.lifecycle_routes
import api.dependencies
import api.walker
import notifier.app
import notifier.webhooks
import worker.app
import worker.dead_letters
import worker.reconciler
import worker.uploads
from infra.deployment.template import load_template, parameter_defaults
from shared.aws.clients import Clients, make_clients, make_notifier_clients
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef


CLIENTS = ClientPool()
TABLES = {
    "JobTable": TABLE,
    "IdempotencyTable": "Idempotency",
    "LibraryTable": LIBRARY,
    "BatchTable": BATCHES,
    "WebhookTable": "Webhooks",
    "WebhookSecretTable": "WebhookSecrets",
}
REGION = "us-east-1"
QUEUES = ("jobs", "bulk-jobs", "uploads", "dead-letters", "event-dead-letters", "webhooks", "heard")

#: Limits of work and leases that a test on a busy machine would reach. A test of one sets it itself.
TIME_LIMITS = (
    (api.batches.lifecycle_routes, "BACKFILL_TIME"),
    *((api.walker, name) for name in ("TURN", "LEASE", "PAUSE")),
)
AMPLE_TIME = timedelta(hours=1)


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[SandboxPool]:
    """Return the sandboxes that the tests share."""
    pool = SandboxPool()
    yield pool
    pool.close()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, sandboxes: SandboxPool) -> Iterator[Cloud]:
    """Create a stack on moto and configure the functions for it."""
    # Hold the real functions: a test may have replaced them by the time their caches are cleared.
    roots = (
        *(
            api.dependencies.get_dependencies,
            api.walker.get_walker,
            worker.app.get_consumer,
            worker.dead_letters.get_dead_letters,
            worker.reconciler.get_reconciler,
            worker.uploads.get_upload_events,
        ),
        *(notifier.app.get_publisher, notifier.webhooks.get_consumer),
    )
    # Other tests of this process may read its files in /proc. test_worker_setup.py starts a process for this.
    monkeypatch.setattr(worker.app, "hide_memory", lambda: None)
    for module, name in TIME_LIMITS:
        monkeypatch.setattr(module, name, AMPLE_TIME)
    with mock_aws(), CLIENTS.lend(), sandboxes.lend():
        clients = make_clients(5)
        built = _restore_stack(clients)
        queues = built.queues
        for name, value in (_environment(queues, _defaults()) | {"EVENT_TOPIC_ARN": built.topic}).items():
            monkeypatch.setenv(name, value)
        yield Cloud(
            clients=clients,
            jobs=JobTable(clients.dynamodb, TABLE, batch_table=BATCHES, bucket=BUCKET, listing_shards=4),
            listing=JobListing(clients.dynamodb, TABLE, listing_shards=4),
            queue_url=queues["jobs"],
            bulk_queue_url=queues["bulk-jobs"],
            upload_queue_url=queues["uploads"],
            dead_letter_queue_url=queues["dead-letters"],
            event_dead_letter_queue_url=queues["event-dead-letters"],
            webhook_queue_url=queues["webhooks"],
            event_queue_url=queues["heard"],
        )
    for root in roots:
        root.cache_clear()


@pytest.fixture
def kill_step(request: pytest.FixtureRequest) -> int:
    """Return how many calls later the next run of a function is killed: each call with ``--thorough``."""
    return 1 if request.config.getoption("--thorough") else 4


@cache
def _template() -> Mapping[str, Any]:
    """Return the template, parsed once per run. Parsing takes most of the time of a stack on moto."""
    return load_template()


@cache
def _defaults() -> Mapping[str, str]:
    return parameter_defaults(_template())


@dataclass(frozen=True, slots=True)
class BuiltStack:
    """The addresses of a stack on moto, and the attributes of moto's services after its creation."""

    queues: Mapping[str, str]
    topic: str
    attributes: Sequence[Mapping[str, Any]]
    #: What the attributes have in place of the services, which are other objects in each test.
    marks: Sequence[object]


_built_stacks: list[BuiltStack] = []


def _create_in_copies(create: Callable[[], object]) -> None:
    """Let a copy of an object have a lock of its own."""
    copyreg.pickle(type(create()), lambda _: (create, ()))


def _serve_one_at_a_time(handler: Any) -> None:
    """Let moto handle one DynamoDB request at a time: a transaction copies tables that another thread may change."""
    lock, call_action = threading.RLock(), handler.call_action

    def call_alone(request: Any) -> Any:
        with lock:
            return call_action(request)

    handler.call_action = call_alone


def _skip_absent_types(serializer: Any) -> None:
    """Let moto read only the type that a DynamoDB value has: it looks for all ten, under many names each."""
    serialize = serializer._serialize_structure_member

    def serialize_present(self: Any, result: Any, value: Any, shape: Any, key: str) -> None:
        if shape.parent.name != "AttributeValue" or not isinstance(value, dict) or key in value:
            serialize(self, result, value, shape, key)

    serializer._serialize_structure_member = serialize_present


_serve_one_at_a_time(DynamoHandler)
_skip_absent_types(JSONSerializer)
# moto would also intercept the package `requests`, with 1,300 rules that it writes for each test. No test needs them.
moto.core.models.RESPONSES_METHODS.clear()
for _create in (threading.Lock, threading.RLock, threading.Condition):
    _create_in_copies(_create)


def _restore_stack(clients: Clients) -> BuiltStack:
    """Create the stack once per process, and copy it for all other tests: its requests take longer than most tests."""
    services = _list_services()
    if not _built_stacks:
        queues = {name: _queue(clients, name) for name in QUEUES}
        topic = _topic(clients, queues["heard"])
        clients.s3.create_bucket(Bucket=BUCKET)
        for resource, name in TABLES.items():
            _make_table(clients, resource, name)
        marks = [object() for _ in services]
        created = _copy_attributes([vars(each) for each in services], services, marks)
        _built_stacks.append(BuiltStack(queues, topic, created, marks))
    built = _built_stacks[0]
    for service, attributes in zip(services, _copy_attributes(built.attributes, built.marks, services), strict=True):
        vars(service).update(attributes)
    return built


def _list_services() -> list[Any]:
    """Return the services of moto that the stack uses. S3 has a partition instead of a region."""
    return [
        get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION],
        get_backend("sns")[DEFAULT_ACCOUNT_ID][REGION],
        get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION],
        get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"],
    ]


def _copy_attributes(
    attributes: Sequence[Mapping[str, Any]], old: Sequence[object], new: Sequence[object]
) -> list[dict[str, Any]]:
    """Return deep copies that refer to new objects in place of old ones."""
    replaced = {id(each): other for each, other in zip(old, new, strict=True)}
    copied: list[dict[str, Any]] = copy.deepcopy([dict(each) for each in attributes], replaced)
    return copied


def _queue(clients: Clients, name: str) -> str:
    return clients.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]


def _topic(clients: Clients, listener: str) -> str:
    """Create the event topic with a subscribed queue. Return its ARN."""
    sns = make_notifier_clients(5).sns
    topic = sns.create_topic(Name="events")["TopicArn"]
    arn = clients.sqs.get_queue_attributes(QueueUrl=listener, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic


def _make_table(clients: Clients, resource: str, name: str) -> None:
    """Create a table with the keys and indexes of the template."""
    properties = _template()["Resources"][resource]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    given: Any = {each: properties[each] for each in names if each in properties}
    request = cast("CreateTableInputTypeDef", {"TableName": name, **given})
    clients.dynamodb.create_table(**request)


def _environment(queues: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    return {
        "IMAGE_BUCKET": BUCKET,
        "JOB_TABLE": TABLE,
        "BATCH_TABLE": BATCHES,
        "IDEMPOTENCY_TABLE": "Idempotency",
        "OPERATORS": "*",
        "OWNER_REQUESTS": defaults["OwnerRequests"],
        "OWNER_OPEN_JOBS": defaults["OwnerOpenJobs"],
        "OWNER_DAILY_BYTES": defaults["OwnerDailyBytes"],
        "UI_ORIGINS": "https://ui.test,http://127.0.0.1:5500",
        "LIBRARY_TABLE": LIBRARY,
        "JOB_QUEUE_URL": queues["jobs"],
        "BULK_QUEUE_URL": queues["bulk-jobs"],
        "DEAD_LETTER_QUEUE_URL": queues["dead-letters"],
        "EVENT_DEAD_LETTER_QUEUE_URL": queues["event-dead-letters"],
        "EVENT_SOURCE": "urn:safelight:test",
        "API_URL": "",
        "WEBHOOK_TABLE": "Webhooks",
        "WEBHOOK_SECRET_TABLE": "WebhookSecrets",
        "WEBHOOK_QUEUE_URL": queues["webhooks"],
        "WEBHOOK_TARGETS": "any",
        "NOTIFICATIONS": "on",
        "FAIR_QUEUES": "on",
        "API_PATH_PREFIX": "",
        "PUBLIC_ENDPOINT_URL": "",
        "LEASE_SECONDS": defaults["WorkerTimeout"],
        "RECORD_SECONDS": defaults["RecordSeconds"],
        "RENDER_SECONDS": defaults["RenderSeconds"],
        "SANDBOX": defaults["Sandbox"],
        "MEMORY_MIB": defaults["WorkerMemory"],
        "AWS_CALL_SECONDS": defaults["AwsCallSeconds"],
        "UPLOAD_SECONDS": defaults["UploadSeconds"],
        "MULTIPART_DAYS": defaults["MultipartDays"],
        "MAX_WAIT_SECONDS": defaults["MaxWaitSeconds"],
        "IMPORT_BUCKETS": defaults["ImportBuckets"],
        "WATCH_BUCKETS": defaults["WatchBuckets"],
        "CATCH_UP_MINUTES": defaults["CatchUpMinutes"],
        "IMPORT_HOSTS": defaults["ImportHosts"],
        "IMPORT_TARGETS": "any",
        "LINK_SECONDS": defaults["LinkSeconds"],
        "RETENTION_DAYS": defaults["RetentionDays"],
        "LOG_RETENTION_DAYS": defaults["LogRetentionDays"],
        "BACKUP_DAYS": "35",
        "REDISPATCH_SECONDS": defaults["RedispatchSeconds"],
        "LONGEST_REDISPATCH_SECONDS": defaults["LongestRedispatchSeconds"],
        "MAX_ATTEMPTS": defaults["MaxReceiveCount"],
        "MAX_DEAD_LETTERS": defaults["MaxDeadLetters"],
        "LISTING_SHARDS": defaults["ListingShards"],
        "MAX_RAW_BYTES": defaults["MaxRawBytes"],
        "MAX_PIXELS": defaults["MaxPixels"],
        "MAX_SIDE": defaults["MaxSide"],
        "MAX_FRAMES": defaults["MaxFrames"],
        "MAX_TOTAL_PIXELS": defaults["MaxTotalPixels"],
        "HEIF_INPUT": defaults["HeifInput"],
        "MAX_ASSET_BYTES": defaults["MaxAssetBytes"],
    }
