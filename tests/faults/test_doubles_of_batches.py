"""The doubles are true for batches and imports: sort keys, transaction tokens, copies."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from faults.simulator.buckets import Bucket
from faults.simulator.null_observer import NullObserver
from faults.simulator.settings import BUCKET, Blueprint
from faults.simulator.tables import Tables, from_template
from faults.simulator.world import BATCHES, SOURCE_BUCKET, Service
from moto import mock_aws

from shared.aws.clients import Clients, make_clients

B1, B2 = "B1", "B2"


def text(**more: str) -> dict[str, Any]:
    """Return a wire item of texts."""
    return {name: {"S": value} for name, value in more.items()}


@pytest.fixture
def both() -> Iterator[tuple[Clients, Clients]]:
    """Return clients of new doubles and of a new moto."""
    properties = Blueprint.read().tables()[BATCHES]
    bucket = Bucket(NullObserver())
    services: dict[str, Service] = {
        "dynamodb": Tables({BATCHES: from_template(properties)}, NullObserver()),
        "s3": bucket,
    }
    bucket.others[SOURCE_BUCKET] = {}
    doubled = make_clients(5)
    for name, service in services.items():
        client: Any = getattr(doubled, name)
        client._make_api_call = service.call
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    request: Any = {"TableName": BATCHES, **{each: properties[each] for each in wanted}}
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("dynamodb").create_table(**request)
        for name in (BUCKET, SOURCE_BUCKET):
            boto3.client("s3").create_bucket(Bucket=name)
        real = make_clients(5)
        real.s3.put_object(Bucket=SOURCE_BUCKET, Key="a.jpg", Body=b"abc")
        bucket.others[SOURCE_BUCKET]["a.jpg"] = bucket_object(b"abc")
        yield doubled, real


def bucket_object(body: bytes) -> Any:
    """Create an object as the double stores it."""
    kept = Bucket(NullObserver())
    kept.call("PutObject", {"Bucket": BUCKET, "Key": "a", "Body": body})
    return kept.objects["a"]


def count(client: Any, part: str, by: int, *, at: str = B1) -> None:
    """Increment a count in a transaction, as batch members do."""
    update: Any = {
        "TableName": BATCHES,
        "Key": text(ID=at, Part=part),
        "UpdateExpression": "SET #At = :at ADD #Completed :by",
        "ExpressionAttributeNames": {"#At": "LastAt", "#Completed": "Completed"},
        "ExpressionAttributeValues": {":at": {"S": "2026"}, ":by": {"N": str(by)}},
    }
    client.transact_write_items(TransactItems=[{"Update": update}])


def parts(client: Any, batch_id: str) -> Any:
    """Read all items of a batch."""
    return client.query(
        TableName=BATCHES,
        KeyConditionExpression="#ID = :id",
        ExpressionAttributeNames={"#ID": "ID"},
        ExpressionAttributeValues={":id": {"S": batch_id}},
        ConsistentRead=True,
    )["Items"]


def test_items_of_a_batch_share_its_partition(both: tuple[Clients, Clients]) -> None:
    """Sorted by part, without another batch's."""
    story = []
    for clients in both:
        db = clients.dynamodb
        db.put_item(TableName=BATCHES, Item=text(ID=B1, Part="batch", Owner="me"))
        for part, by in [("count#7", 2), ("count#0", 1), ("count#7", -1)]:
            count(db, part, by)
        count(db, "count#0", 5, at=B2)
        found = db.get_item(TableName=BATCHES, Key=text(ID=B1, Part="count#7"))["Item"]
        story.append((parts(db, B1), parts(db, B2), found))
    assert story[0] == story[1]
    assert [item["Part"]["S"] for item in story[0][0]] == ["batch", "count#0", "count#7"]


def test_batches_of_an_owner_are_listed_newest_first(both: tuple[Clients, Clients]) -> None:
    """A page of the index and the next one."""
    story = []
    for clients in both:
        for batch_id in (B1, B2, "B3"):
            clients.dynamodb.put_item(TableName=BATCHES, Item=text(ID=batch_id, Part="batch", Owner="me"))
        page = clients.dynamodb.query(
            TableName=BATCHES,
            IndexName="ByOwner",
            KeyConditionExpression="#Owner = :owner AND #ID < :before",
            ExpressionAttributeNames={"#Owner": "Owner", "#ID": "ID"},
            ExpressionAttributeValues={":owner": {"S": "me"}, ":before": {"S": "B3"}},
            ScanIndexForward=False,
            Limit=2,
        )
        story.append([item["ID"]["S"] for item in page["Items"]])
    assert story == [[B2, B1]] * 2


def test_a_transaction_token_runs_once() -> None:
    """Repeating it changes nothing, as DynamoDB documents. moto runs it twice."""
    tables = Tables({BATCHES: from_template(Blueprint.read().tables()[BATCHES])}, NullObserver())
    update = {
        "TableName": BATCHES,
        "Key": text(ID=B1, Part="count#0"),
        "UpdateExpression": "ADD #Completed :by",
        "ExpressionAttributeNames": {"#Completed": "Completed"},
        "ExpressionAttributeValues": {":by": {"N": "1"}},
    }
    for token in ("a", "a", "b"):
        request = {"TransactItems": [{"Update": update}], "ClientRequestToken": token}
        assert tables.call("TransactWriteItems", request) == {}
    assert tables.tables[BATCHES].items[f"{B1} count#0"]["Completed"] == {"N": "2"}


def test_objects_are_checked_and_copied(both: tuple[Clients, Clients]) -> None:
    """Size and content type, the bytes under another key, and the same error for a missing object."""
    story = []
    for clients in both:
        s3 = clients.s3
        size = s3.head_object(Bucket=SOURCE_BUCKET, Key="a.jpg")["ContentLength"]
        s3.copy_object(
            Bucket=BUCKET,
            Key="raw/import/x",
            CopySource={"Bucket": SOURCE_BUCKET, "Key": "a.jpg"},
            MetadataDirective="REPLACE",
            ContentType="application/octet-stream",
        )
        copied = s3.get_object(Bucket=BUCKET, Key="raw/import/x")
        codes = []
        with pytest.raises(ClientError) as missing:
            s3.head_object(Bucket=SOURCE_BUCKET, Key="b.jpg")
        codes.append(missing.value.response["Error"]["Code"])
        with pytest.raises(ClientError) as gone:
            s3.copy_object(Bucket=BUCKET, Key="y", CopySource={"Bucket": SOURCE_BUCKET, "Key": "b.jpg"})
        codes.append(gone.value.response["Error"]["Code"])
        story.append((size, copied["Body"].read(), copied["ContentType"], codes))
    assert story == [(3, b"abc", "application/octet-stream", ["404", "NoSuchKey"])] * 2


@pytest.mark.thorough
def test_a_copy_requires_the_given_etag(both: tuple[Clients, Clients]) -> None:
    """Another ETag is refused. moto ignores it; the embedded engine does not (e2e/test_imports.py)."""
    s3 = both[0].s3
    source: Any = {"Bucket": SOURCE_BUCKET, "Key": "a.jpg"}
    etag = s3.head_object(Bucket=SOURCE_BUCKET, Key="a.jpg")["ETag"]
    s3.copy_object(Bucket=BUCKET, Key="x", CopySource=source, CopySourceIfMatch=etag, ContentType="a/b")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.copy_object(Bucket=BUCKET, Key="y", CopySource=source, CopySourceIfMatch='"other"', ContentType="a/b")
