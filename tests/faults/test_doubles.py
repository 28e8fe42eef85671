"""The doubles are true: the same calls through the same boto3 clients on the doubles and on moto.

Responses are compared where our code could see a difference: data, error code, old item of a failed condition.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from faults.simulator.buckets import Bucket
from faults.simulator.null_observer import NullObserver
from faults.simulator.queues import Queue, Queues
from faults.simulator.settings import BUCKET, Blueprint
from faults.simulator.tables import Tables, from_template
from faults.simulator.world import START, Service, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from support.thorough import every

from shared.aws.clients import Clients, make_clients

TABLE = "JobTable"
Do = Callable[[Clients], Any]


def doubled(blueprint: Blueprint) -> Clients:
    """Return real clients whose calls end in the doubles."""
    dead = Queue("dead", timedelta(seconds=30))
    queue = Queue("jobs", timedelta(seconds=30), max_receives=5, dead_letters=dead)
    services: dict[str, Service] = {
        "dynamodb": Tables({TABLE: from_template(blueprint.tables()[TABLE])}, NullObserver()),
        "s3": Bucket(NullObserver()),
        "sqs": Queues([queue, dead], lambda: START, NullObserver()),
    }
    clients = make_clients(5)
    for name, service in services.items():
        client: Any = getattr(clients, name)
        client._make_api_call = service.call
    return clients


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Clients, Clients]]:
    """Return clients of the doubles and of moto, with equal tables and buckets."""
    blueprint = Blueprint.read()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        make_table(blueprint, TABLE)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield doubled(blueprint), make_clients(5)


@pytest.fixture
def both(pair: tuple[Clients, Clients]) -> tuple[Clients, Clients]:
    """Return both, empty."""
    for clients in pair:
        empty(clients)
    return pair


def empty(clients: Clients) -> None:
    """Delete everything that a test may have stored."""
    for key in IDS:
        clients.dynamodb.delete_item(TableName=TABLE, Key=item(ID=key))
    for key in KEYS:
        clients.s3.delete_object(Bucket=BUCKET, Key=key)


def make_table(blueprint: Blueprint, name: str) -> None:
    """Create a table of the template on moto."""
    properties = blueprint.tables()[TABLE]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    request: Any = {"TableName": name, **{each: properties[each] for each in wanted}}
    boto3.client("dynamodb").create_table(**request)


def outcome(do: Do, clients: Clients) -> Any:
    """Return the response without its metadata, or the error's code and old item."""
    try:
        return plain(do(clients))
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")


def plain(answer: Any) -> Any:
    """Return a response without what our code never reads."""
    if not isinstance(answer, Mapping):
        return answer
    ignored = {
        "ResponseMetadata",
        "ETag",
        "ScannedCount",
        "ConsumedCapacity",
        "UnprocessedKeys",
        "ItemCollectionMetrics",
    }
    return {name: value for name, value in answer.items() if name not in ignored}


def item(**more: Any) -> dict[str, Any]:
    """Return a wire item with texts and numbers."""
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in more.items()}


def put(**more: Any) -> Do:
    """Put an item."""
    return lambda clients: clients.dynamodb.put_item(TableName=TABLE, Item=item(**more))


def change(expression: str, condition: str | None = None, **values: Any) -> Do:
    """Update item ``a``; words in capitals are placeholders for names."""
    words = {word for word in NAMES if f"#{word}" in f"{expression} {condition}"}
    request: dict[str, Any] = {
        "TableName": TABLE,
        "Key": item(ID="a"),
        "UpdateExpression": expression,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if condition:
        request["ConditionExpression"] = condition
    if words:
        request["ExpressionAttributeNames"] = {f"#{word}": word for word in words}
    if values:
        request["ExpressionAttributeValues"] = {
            f":{name}": value if isinstance(value, dict) else item(v=value)["v"] for name, value in values.items()
        }
    return lambda clients: clients.dynamodb.update_item(**request)


NAMES = ("Status", "Attempt", "Generation", "LeaseUntil", "History", "Missing", "Never", "Map")
FIRST = put(ID="a", Status="PENDING", Attempt=3, Generation=1, LeaseUntil="2026", Size=5)

UPDATES: dict[str, Do] = {
    "set": change("SET #Status = :s", s="X"),
    "set, remove": change("SET #Status = :s REMOVE #LeaseUntil", s="X"),
    "remove several": change("REMOVE #LeaseUntil, #Attempt, #Missing"),
    "count": change("SET #Attempt = #Attempt + :n", n=1),
    "count down": change("SET #Attempt = #Attempt - :n", n=5),
    "count what is missing": change("SET #Missing = #Missing + :n", n=1),
    "count from nothing": change("SET #Missing = if_not_exists(#Missing, :z) + :n", z=0, n=2),
    "add": change("ADD #Attempt :n", n=4),
    "add to nothing": change("ADD #Missing :n", n=4),
    "append to nothing": change("SET #History = list_append(#History, :l)", l={"L": [{"S": "x"}]}),
    "append": change("SET #History = list_append(if_not_exists(#History, :e), :l)", e={"L": []}, l={"L": [{"S": "x"}]}),
    "keep": change("SET #Attempt = if_not_exists(#Attempt, :n)", n=9),
    "copy": change("SET #Missing = #Status"),
    "swap": change("SET #Status = #LeaseUntil, #LeaseUntil = #Status"),
    "a map, then inside": change("SET #Map = :m", m={"M": {"Inner": {"N": "1"}}}),
    "unused value": change("SET #Status = :s", s="X", t="Y"),
    "unknown value": change("SET #Status = :s"),
}
CONDITIONS: dict[str, Do] = {
    name: change("SET #Status = :new", condition, new="X", **values)
    for name, condition, values in (
        ("equal", "#Status = :s", {"s": "PENDING"}),
        ("unequal", "#Status = :s", {"s": "FAILED"}),
        ("not equal", "#Status <> :s", {"s": "FAILED"}),
        ("not equal to what is missing", "#Missing <> :s", {"s": "FAILED"}),
        ("less than what is missing", "#Never < :s", {"s": "FAILED"}),
        ("other type", "#Attempt = :s", {"s": "3"}),
        ("number less", "#Attempt < :n", {"n": 20}),
        ("number not less", "#Attempt < :n", {"n": 3}),
        ("at least", "#Attempt >= :n", {"n": 3}),
        ("text less", "#LeaseUntil < :s", {"s": "2027"}),
        ("and", "#Status = :s AND #Attempt = :n", {"s": "PENDING", "n": 4}),
        ("or", "#Status = :s OR #Attempt = :n", {"s": "PENDING", "n": 4}),
        ("and before or", "#Status = :s OR #Status = :s AND #Attempt = :n", {"s": "PENDING", "n": 4}),
        ("brackets", "(#Status = :s OR #Status = :s) AND #Attempt = :n", {"s": "PENDING", "n": 4}),
        ("not", "NOT #Status = :s", {"s": "PENDING"}),
        ("not before and", "NOT #Status = :s AND #Attempt = :n", {"s": "X", "n": 4}),
        ("exists", "attribute_exists(#Status)", {}),
        ("does not exist", "attribute_not_exists(#Status)", {}),
        ("missing exists", "attribute_exists(#Missing)", {}),
        ("in", "#Status IN (:s, :t)", {"s": "X", "t": "PENDING"}),
        ("not in", "#Status IN (:s, :t)", {"s": "X", "t": "Y"}),
        ("between", "#Attempt BETWEEN :n AND :m", {"n": 1, "m": 3}),
        ("outside", "#Attempt BETWEEN :n AND :m", {"n": 4, "m": 5}),
        ("begins", "begins_with(#Status, :s)", {"s": "PEN"}),
        ("contains", "contains(#Status, :s)", {"s": "END"}),
        (
            "claim",
            "#Generation = :g AND (#Status = :s OR (#Status = :t AND #LeaseUntil < :n))",
            {"g": 1, "s": "X", "t": "PENDING", "n": "2027"},
        ),
    )
}


@pytest.mark.parametrize("name", every(2, [*UPDATES, *CONDITIONS]))
@pytest.mark.parametrize("is_there", [True, False])
def test_updates_match_moto(both: tuple[Clients, Clients], name: str, is_there: bool) -> None:
    """An update with or without a condition, of an existing or missing item."""
    do = {**UPDATES, **CONDITIONS}[name]
    story = []
    for clients in both:
        if is_there:
            FIRST(clients)
        after = partial(outcome, lambda c: c.dynamodb.get_item(TableName=TABLE, Key=item(ID="a")))
        story.append((outcome(do, clients), after(clients)))
    assert story[0] == story[1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_any_sequence_of_updates_matches_moto(both: tuple[Clients, Clients], data: st.DataObject) -> None:
    """After each of any sequence of updates, both have the same item."""
    names = data.draw(st.lists(st.sampled_from(sorted({**UPDATES, **CONDITIONS})), max_size=5))
    for clients in both:
        empty(clients)
        FIRST(clients)
    for name in names:
        do = {**UPDATES, **CONDITIONS}[name]
        assert outcome(do, both[0]) == outcome(do, both[1]), names


RECORDS = [
    {"ID": f"j{at}", "OpenShard": "open#1", "DueAt": f"2026-0{at}", "OwnerShard": f"me#{at % 2}", "Size": at}
    for at in range(1, 8)
]


def query(index: str | None, condition: str, *, names: dict[str, str], values: dict[str, Any], **more: Any) -> Do:
    """Query the table or an index."""
    request: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {name: item(v=value)["v"] for name, value in values.items()},
        **more,
    }
    if index:
        request["IndexName"] = index
    return lambda clients: clients.dynamodb.query(**request)


OVERDUE = partial(
    query,
    "Open",
    "#s = :s AND #d < :d",
    names={"#s": "OpenShard", "#d": "DueAt"},
    values={":s": "open#1", ":d": "2026-05"},
)
READS: dict[str, Do] = {
    "overdue": OVERDUE(),
    "a page of overdue": OVERDUE(Limit=2),
    "the next page": OVERDUE(Limit=2, ExclusiveStartKey=item(ID="j2", OpenShard="open#1", DueAt="2026-02")),
    "nothing": query("Open", "#s = :s", names={"#s": "OpenShard"}, values={":s": "open#9"}),
    "backwards": query(
        "Recent",
        "#o = :o AND #i BETWEEN :a AND :b",
        names={"#o": "OwnerShard", "#i": "ID"},
        values={":o": "me#1", ":a": "0", ":b": "~"},
        ScanIndexForward=False,
    ),
    "backwards from": query(
        "Recent",
        "#o = :o",
        names={"#o": "OwnerShard"},
        values={":o": "me#1"},
        ScanIndexForward=False,
        Limit=1,
        ExclusiveStartKey=item(ID="j5", OwnerShard="me#1"),
    ),
    "by key": query(None, "#i = :i", names={"#i": "ID"}, values={":i": "j3"}),
    "get": lambda c: c.dynamodb.get_item(TableName=TABLE, Key=item(ID="j1"), ConsistentRead=True),
    "get nothing": lambda c: c.dynamodb.get_item(TableName=TABLE, Key=item(ID="none")),
    "get a part": lambda c: c.dynamodb.get_item(
        TableName=TABLE,
        Key=item(ID="j1"),
        ProjectionExpression="#o, DueAt",
        ExpressionAttributeNames={"#o": "OwnerShard"},
    ),
    "delete": lambda c: c.dynamodb.delete_item(TableName=TABLE, Key=item(ID="j1"), ReturnValues="ALL_OLD"),
    "delete nothing": lambda c: c.dynamodb.delete_item(TableName=TABLE, Key=item(ID="none")),
    "create twice": lambda c: c.dynamodb.put_item(
        TableName=TABLE,
        Item=item(ID="j1"),
        ConditionExpression="attribute_not_exists(ID)",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    ),
    "delete with a condition": lambda c: c.dynamodb.delete_item(
        TableName=TABLE,
        Key=item(ID="j1"),
        ConditionExpression="#n = :n",
        ExpressionAttributeNames={"#n": "Size"},
        ExpressionAttributeValues={":n": {"N": "9"}},
    ),
    "transaction": lambda c: c.dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": item(ID="new")}},
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": item(ID="j1"),
                    "UpdateExpression": "SET #n = :n",
                    "ExpressionAttributeNames": {"#n": "Size"},
                    "ExpressionAttributeValues": {":n": {"N": "9"}},
                }
            },
        ]
    ),
    "refused transaction": lambda c: c.dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": item(ID="new")}},
            {"Put": {"TableName": TABLE, "Item": item(ID="j1"), "ConditionExpression": "attribute_not_exists(ID)"}},
        ]
    ),
}


@pytest.mark.parametrize("name", READS)
def test_table_calls_match_moto(both: tuple[Clients, Clients], name: str) -> None:
    """Queries, reads, deletions and transactions give the same responses and items."""
    story = []
    for clients in both:
        for record in RECORDS:
            put(**record)(clients)
        answer = outcome(READS[name], clients)
        every = [clients.dynamodb.get_item(TableName=TABLE, Key=item(ID=key)).get("Item") for key in IDS]
        story.append((answer, every))
    assert story[0] == story[1]


IDS = ["a", *(str(record["ID"]) for record in RECORDS), "new"]


def test_batch_get_matches_moto(both: tuple[Clients, Clients]) -> None:
    """Several keys, one of them unknown."""
    keys = [item(ID="j1"), item(ID="j5"), item(ID="none")]
    found = []
    for clients in both:
        for record in RECORDS:
            put(**record)(clients)
        answer = clients.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
        found.append(sorted(each["ID"]["S"] for each in answer["Responses"][TABLE]))
    assert found[0] == found[1] == ["j1", "j5"]


KEYS = ("raw/1", "raw/2", "processed/3")


def body(clients: Clients) -> Any:
    """Read an object completely."""
    answer = clients.s3.get_object(Bucket=BUCKET, Key="raw/1")
    return answer["Body"].read(), answer["ContentLength"], answer["ContentType"]


OBJECTS: dict[str, Do] = {
    "get": body,
    "get nothing": lambda c: c.s3.get_object(Bucket=BUCKET, Key="none"),
    "head": lambda c: c.s3.head_object(Bucket=BUCKET, Key="raw/1")["ContentLength"],
    "head nothing": lambda c: c.s3.head_object(Bucket=BUCKET, Key="none"),
    "overwrite": lambda c: (c.s3.put_object(Bucket=BUCKET, Key="raw/1", Body=b"x"), body(c))[1],
    "overwrite refused": lambda c: c.s3.put_object(Bucket=BUCKET, Key="raw/1", Body=b"x", IfNoneMatch="*"),
    "delete": lambda c: (c.s3.delete_object(Bucket=BUCKET, Key="raw/1"), body(c)),
    "delete nothing": lambda c: len(plain(c.s3.delete_object(Bucket=BUCKET, Key="none"))),
    "delete many": lambda c: c.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "raw/1"}]})["Deleted"],
    "list": lambda c: [each["Key"] for each in c.s3.list_objects_v2(Bucket=BUCKET, Prefix="raw/")["Contents"]],
    "list versions": lambda c: [
        (each["Key"], each["VersionId"]) for each in c.s3.list_object_versions(Bucket=BUCKET, Prefix="raw/")["Versions"]
    ],
    "list versions after a key": lambda c: [
        each["Key"] for each in c.s3.list_object_versions(Bucket=BUCKET, KeyMarker="raw/1")["Versions"]
    ],
    "list a page of versions": lambda c: [
        c.s3.list_object_versions(Bucket=BUCKET, MaxKeys=2)[name] for name in ("IsTruncated", "NextKeyMarker")
    ],
    "list no versions": lambda c: c.s3.list_object_versions(Bucket=BUCKET, Prefix="x/").get("Versions"),
    "list a page": lambda c: c.s3.list_objects_v2(Bucket=BUCKET, MaxKeys=2)["IsTruncated"],
    "list nothing": lambda c: c.s3.list_objects_v2(Bucket=BUCKET, Prefix="x/").get("Contents"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_bucket_calls_match_moto(both: tuple[Clients, Clients], name: str) -> None:
    """Objects are stored, listed, refused and missed the same way."""
    story = []
    for clients in both:
        for key in KEYS:
            clients.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), ContentType="image/png")
        story.append(outcome(OBJECTS[name], clients))
    assert story[0] == story[1]


def test_queue_calls_match_moto(both: tuple[Clients, Clients]) -> None:
    """Receive counts grow, old receipts delete nothing, and the third receive makes a dead letter."""
    stories = []
    for clients, is_double in zip(both, (True, False), strict=True):
        url = queue_url(clients, is_double=is_double)
        clients.sqs.send_message(QueueUrl=url, MessageBody="one")
        story: list[Any] = []
        for _ in itertools.repeat(None, 7):
            found = clients.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
            ).get("Messages", [])
            story.append([(each["Body"], each["Attributes"]["ApproximateReceiveCount"]) for each in found])
            for each in found:
                clients.sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
                )
        stories.append(story)
    assert stories[0] == stories[1]
    assert stories[0][-1] == []


def queue_url(clients: Clients, *, is_double: bool) -> str:
    """Return a queue with five receives."""
    if is_double:
        return f"https://sqs.us-east-1.amazonaws.com/{'0' * 12}/jobs"
    dead = clients.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = clients.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 5}}'
    return clients.sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]


def test_hidden_messages_become_visible_again() -> None:
    """A received message is hidden for the queue's visibility timeout or the given time."""
    world = World(Blueprint.read())
    world.queues.add(world.queue, "one")
    (first,) = world.queues.receive(world.queue, world.queue.visible(world.now))
    assert world.queue.visible(world.now) == []
    world.pass_time(world.queue.visibility)
    assert world.queue.visible(world.now) == [first]
    world.queues.receive(world.queue, [first])
    call = partial(world.perform, "sqs", "ChangeMessageVisibility")
    call({"QueueUrl": world.queue.url, "ReceiptHandle": first.receipt, "VisibilityTimeout": 10})
    world.pass_time(timedelta(seconds=10))
    assert world.queue.visible(world.now) == [first]
