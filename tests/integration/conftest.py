"""The three functions on moto: tables, bucket and queues made as the template says."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto import mock_aws
from moto_cloud import BATCHES, BUCKET, LIBRARY, TABLE, Cloud

import api.dependencies
import worker.app
import worker.dead_letters
import worker.reconciler
from infra.template import load, parameter_defaults
from shared.aws.clients import Clients, make_clients
from shared.aws.job_listing import JobListing
from shared.aws.job_table import JobTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Make a fresh stack on moto and lead the functions to it."""
    # A test may have put something else in their place by the time they are cleared.
    made = worker.app.parts
    roots = (api.dependencies.stores, made, worker.dead_letters.parts, worker.reconciler.parts)
    with mock_aws():
        clients = make_clients(5)
        queues = {name: _queue(clients, name) for name in ("jobs", "bulk-jobs", "dead-letters")}
        defaults = parameter_defaults(_template())
        for name, value in _environment(queues, defaults).items():
            monkeypatch.setenv(name, value)
        clients.s3.create_bucket(Bucket=BUCKET)
        _make_table(clients, "JobTable", TABLE)
        _make_table(clients, "IdempotencyTable", "Idempotency")
        _make_table(clients, "LibraryTable", LIBRARY)
        _make_table(clients, "BatchTable", BATCHES)
        yield Cloud(
            clients=clients,
            jobs=JobTable(clients.dynamodb, TABLE, batch_table=BATCHES, bucket=BUCKET, listing_shards=4),
            listing=JobListing(clients.dynamodb, TABLE, listing_shards=4),
            queue_url=queues["jobs"],
            bulk_queue_url=queues["bulk-jobs"],
            dead_letter_queue_url=queues["dead-letters"],
        )
        if made.cache_info().currsize:
            made().sandbox.close()
    for root in roots:
        root.cache_clear()


@cache
def _template() -> Mapping[str, Any]:
    """Parse the template once a run: it is most of what a stack on moto costs."""
    return load()


def _queue(clients: Clients, name: str) -> str:
    return clients.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]


def _make_table(clients: Clients, resource: str, name: str) -> None:
    """Make a table with the keys and indexes that the template gives it."""
    properties = _template()["Resources"][resource]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    given: Any = {each: properties[each] for each in wanted if each in properties}
    request = cast("CreateTableInputTypeDef", {"TableName": name, **given})
    clients.dynamodb.create_table(**request)


def _environment(queues: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    return {
        "IMAGE_BUCKET": BUCKET,
        "JOB_TABLE": TABLE,
        "BATCH_TABLE": BATCHES,
        "IDEMPOTENCY_TABLE": "Idempotency",
        "OPERATORS": "*",
        "UI_ORIGINS": "https://ui.test,http://127.0.0.1:5500",
        "LIBRARY_TABLE": LIBRARY,
        "JOB_QUEUE_URL": queues["jobs"],
        "BULK_QUEUE_URL": queues["bulk-jobs"],
        "DEAD_LETTER_QUEUE_URL": queues["dead-letters"],
        "API_PATH_PREFIX": "",
        "PUBLIC_ENDPOINT_URL": "",
        "LEASE_SECONDS": defaults["WorkerTimeout"],
        "RECORD_SECONDS": defaults["RecordSeconds"],
        "RENDER_SECONDS": defaults["RenderSeconds"],
        "MEMORY_MIB": defaults["WorkerMemory"],
        "AWS_CALL_SECONDS": defaults["AwsCallSeconds"],
        "UPLOAD_SECONDS": defaults["UploadSeconds"],
        "IMPORT_BUCKETS": defaults["ImportBuckets"],
        "LINK_SECONDS": defaults["LinkSeconds"],
        "RETENTION_DAYS": defaults["RetentionDays"],
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
        "MAX_ASSET_BYTES": defaults["MaxAssetBytes"],
    }
