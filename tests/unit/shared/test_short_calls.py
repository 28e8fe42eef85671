"""Short calls of AWS: the same requests, responses and errors as those of botocore."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Any
from zlib import crc32

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session

from shared.aws.clients import LEAN
from shared.aws.json_calls import JsonCalls
from shared.aws.object_calls import ObjectCalls
from shared.aws.short_calls import ShortCalls
from shared.clock import utc_now

KINDS: Mapping[str, type[ShortCalls]] = {"dynamodb": JsonCalls, "sqs": JsonCalls, "s3": ObjectCalls}
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"
KEY = {"ID": {"S": "é"}}
VALUES = {":n": {"N": "1"}, ":b": {"B": b"\0\xff"}, ":l": {"L": [{"M": {"B": {"S": "x"}}}, {"NULL": True}]}}
UPDATE = {"TableName": "Images", "Key": KEY, "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": VALUES}
#: Parameters of each short call of JSON, by service and operation.
JSON_CALLS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "GetItem"): {"TableName": "Images", "Key": KEY, "ConsistentRead": True},
    ("dynamodb", "PutItem"): {"TableName": "Images", "Item": KEY | {"B": {"B": b"x" * 40}}},
    ("dynamodb", "UpdateItem"): UPDATE | {"ReturnValues": "ALL_NEW"},
    ("dynamodb", "DeleteItem"): {"TableName": "Images", "Key": KEY},
    ("dynamodb", "Query"): {"TableName": "Images", "KeyConditionExpression": "a = :n", "Limit": 3},
    ("dynamodb", "TransactWriteItems"): {"TransactItems": [{"Update": UPDATE}], "ClientRequestToken": "t"},
    ("dynamodb", "BatchGetItem"): {"RequestItems": {"Images": {"Keys": [KEY]}}},
    ("sqs", "SendMessage"): {"QueueUrl": QUEUE, "MessageBody": "ü", "MessageGroupId": "g"},
    ("sqs", "SendMessageBatch"): {"QueueUrl": QUEUE, "Entries": [{"Id": "0", "MessageBody": "x"}]},
    ("sqs", "ChangeMessageVisibility"): {"QueueUrl": QUEUE, "ReceiptHandle": "h", "VisibilityTimeout": 3},
}
#: Headers that differ for each request, or that only count botocore's tries.
OTHER_HEADERS = {"authorization", "x-amz-date", "content-length", "amz-sdk-invocation-id", "amz-sdk-request"}
ITEM = {"ID": {"S": "é"}, "B": {"B": "AP8="}, "M": {"M": {"B": {"S": "x"}}}, "L": {"L": [{"B": ""}, {"BOOL": True}]}}
RESPONSES: Mapping[tuple[str, str], Any] = {
    ("dynamodb", "GetItem"): {"Item": ITEM},
    ("dynamodb", "UpdateItem"): {"Attributes": ITEM},
    ("dynamodb", "Query"): {"Items": [ITEM], "Count": 1, "ScannedCount": 4, "LastEvaluatedKey": KEY},
    ("dynamodb", "BatchGetItem"): {"Responses": {"Images": [ITEM]}, "UnprocessedKeys": {}},
    ("dynamodb", "PutItem"): {},
    ("sqs", "SendMessageBatch"): {
        "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d"}],
        "Failed": [{"Id": "1", "SenderFault": True, "Code": "c"}],
    },
}
REFUSAL = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no", "Item": ITEM}
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "cancelled",
    "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": ITEM}],
}

#: As in ``make_s3_client``.
S3_OPTIONS: Any = {"us_east_1_regional_endpoint": "regional", "payload_signing_enabled": False}

Answer = Callable[[Any], AWSResponse]


@cache
def make_client(
    service: str,
    *,
    short: bool,
    token: str | None = None,
    tries: int = 1,
    region: str = "eu-central-1",
    endpoint: str | None = None,
) -> Any:
    """Return a client with known credentials, whose calls are short ones or those of botocore. It takes 30 ms."""
    config = Config(retries={"total_max_attempts": tries, "mode": "standard"})
    if service == "s3":
        config = config.merge(
            Config(signature_version="s3v4", s3=S3_OPTIONS, response_checksum_validation="when_required")
        )
    client: Any = boto3.client(
        service,  # type: ignore[call-overload] # one of the keys of KINDS
        region_name=region,
        endpoint_url=endpoint,
        config=config.merge(LEAN),
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/+=",  # noqa: S106 - not a secret
        aws_session_token=token,
    )
    if short:
        KINDS[service](client).install()
    return client


def respond(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a double of the network."""

    def answer(request: Any) -> AWSResponse:
        raw: Any = BytesIO(body)
        raw.stream = lambda **_: iter([body])  # what botocore reads of urllib3's
        found: Any = headers or {}
        return AWSResponse(request.url, status, found, raw)

    return answer


def call(client: Any, operation: str, params: Mapping[str, Any], answer: Answer) -> tuple[Any, Any]:
    """Make a call; return its last request, and its response or its error."""
    requests: list[Any] = []

    def send(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        return answer(request)

    client.meta.events.register("before-send", send)
    try:
        result = client._make_api_call(operation, dict(params))
    except ClientError as error:
        result = error
    finally:
        client.meta.events.unregister("before-send", send)
    return requests[-1], result


def read_headers(request: Any) -> dict[str, str]:
    """Return headers as texts, with names in lower case."""
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }


def without_metadata(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a response."""
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize(("service", "operation"), JSON_CALLS)
@pytest.mark.parametrize("token", [None, "tok/en+="])
def test_requests_are_those_of_botocore(service: str, operation: str, token: str | None) -> None:
    """They differ only in headers that botocore adds for its statistics."""
    params, answer = JSON_CALLS[service, operation], respond(200, b"{}")
    expected, _ = call(make_client(service, short=False, token=token), operation, params, answer)
    request, _ = call(make_client(service, short=True, token=token), operation, params, answer)
    assert (request.method, request.url) == (expected.method, expected.url)
    assert json.loads(request.body) == json.loads(expected.body)
    headers, wanted = read_headers(request), read_headers(expected)
    assert {name: value for name, value in headers.items() if name not in OTHER_HEADERS} == {
        name: value for name, value in wanted.items() if name not in OTHER_HEADERS
    }


@pytest.mark.parametrize(("service", "operation"), JSON_CALLS)
@pytest.mark.parametrize("token", [None, "tok/en+="])
def test_signatures_are_those_of_botocore(
    monkeypatch: pytest.MonkeyPatch, service: str, operation: str, token: str | None
) -> None:
    """The code of botocore signs the same request at the same time."""
    client = make_client(service, short=True, token=token)
    request, _ = call(client, operation, JSON_CALLS[service, operation], respond(200, b"{}"))
    headers = read_headers(request)
    signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - botocore's has no zone
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    sent = {name: value for name, value in headers.items() if name not in {"authorization", "x-amz-date"}}
    again = AWSRequest("POST", request.url, headers=sent, data=request.body)
    SigV4Auth(client._request_signer._credentials, service, "eu-central-1").add_auth(again)
    assert headers["authorization"] == again.headers["Authorization"]


@pytest.mark.parametrize(("service", "operation"), RESPONSES)
def test_responses_are_those_of_botocore(service: str, operation: str) -> None:
    """With bytes at any depth, and attributes that have the name of DynamoDB's type for bytes."""
    params, body = JSON_CALLS[service, operation], json.dumps(RESPONSES[service, operation]).encode()
    answer = respond(200, body, {"x-amzn-requestid": "r", "x-amz-crc32": str(crc32(body))})
    _, expected = call(make_client(service, short=False), operation, params, answer)
    _, parsed = call(make_client(service, short=True), operation, params, answer)
    assert without_metadata(parsed) == without_metadata(expected)
    for name in ("RequestId", "HTTPStatusCode", "RetryAttempts"):
        assert parsed["ResponseMetadata"][name] == expected["ResponseMetadata"][name]


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_refusals_are_those_of_botocore(operation: str) -> None:
    """With the stored item, which shows whether a write was repeated or came too late."""
    body = json.dumps(REFUSAL if operation == "UpdateItem" else CANCELLED).encode()
    params, answer = JSON_CALLS["dynamodb", operation], respond(400, body)
    _, expected = call(make_client("dynamodb", short=False), operation, params, answer)
    _, error = call(make_client("dynamodb", short=True), operation, params, answer)
    assert type(error).__name__ == type(expected).__name__ != "ClientError"
    assert isinstance(error, ClientError)
    assert error.response["Error"] == expected.response["Error"]
    for name in ("Item", "CancellationReasons"):
        assert error.response.get(name) == expected.response.get(name)


def test_a_damaged_response_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB sends a checksum. botocore decides about another try, whose response counts."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    bodies = [json.dumps({"Item": {"ID": {"S": text}}}).encode() for text in ("damaged", "whole")]
    headers = {"x-amz-crc32": str(crc32(bodies[1]))}
    left = [respond(200, body, headers) for body in bodies]
    client = make_client("dynamodb", short=True, tries=3)

    def take_next(request: Any) -> AWSResponse:
        return left.pop(0)(request)

    _, parsed = call(client, "GetItem", JSON_CALLS["dynamodb", "GetItem"], take_next)
    assert parsed["Item"] == {"ID": {"S": "whole"}}
    assert parsed["ResponseMetadata"]["RetryAttempts"] == 1


def test_all_tries_of_a_transaction_have_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB makes the writes of a token once. Another call has another token."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    client, tokens = make_client("dynamodb", short=True, tries=3), []
    params = {"TransactItems": [{"Update": UPDATE}]}

    def fail_twice(request: Any) -> AWSResponse:
        tokens.append(json.loads(request.body)["ClientRequestToken"])
        return respond(500 if len(tokens) < 3 else 200, b"{}")(request)

    call(client, "TransactWriteItems", params, fail_twice)
    assert len(tokens) == 3
    assert len(set(tokens)) == 1
    call(client, "TransactWriteItems", params, fail_twice)
    assert tokens[3] != tokens[0]


def test_each_try_is_signed_at_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature is valid for a few minutes, which a call with retries may exceed."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    # This client is not used elsewhere.
    client = make_client("dynamodb", short=False, tries=2)
    times = [utc_now().replace(year=year) for year in (2026, 2027)]
    JsonCalls(client, lambda: times.pop(0)).install()
    years = []

    def fail_once(request: Any) -> AWSResponse:
        years.append(read_headers(request)["x-amz-date"][:4])
        return respond(500 if len(years) < 2 else 200, b"{}")(request)

    call(client, "GetItem", JSON_CALLS["dynamodb", "GetItem"], fail_once)
    assert years == ["2026", "2027"]


def test_rare_calls_are_those_of_botocore() -> None:
    """For example those that return times, which botocore converts."""
    body = json.dumps({"Table": {"CreationDateTime": 1_700_000_000}}).encode()
    _, parsed = call(make_client("dynamodb", short=True), "DescribeTable", {"TableName": "t"}, respond(200, body))
    assert parsed["Table"]["CreationDateTime"].year == 2023


@pytest.mark.parametrize("is_in_lambda", [True, False])
def test_a_function_sends_its_trace(monkeypatch: pytest.MonkeyPatch, is_in_lambda: bool) -> None:
    """Lambda finds endless loops with it. botocore sends the same."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988;Parent=5399;Sampled=1;Lineage=a:0é")
    if is_in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    else:
        monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    params, answer = JSON_CALLS["sqs", "SendMessage"], respond(200, b"{}")
    sent = [
        read_headers(call(make_client("sqs", short=short), "SendMessage", params, answer)[0]).get("x-amzn-trace-id")
        for short in (True, False)
    ]
    assert sent[0] == sent[1]
    assert (sent[0] is not None) is is_in_lambda


OBJECT = {"Bucket": "images", "Key": "processed/a b"}
WRITE = OBJECT | {"Body": b"data", "ContentType": "image/png", "ChecksumSHA256": "c="}


@pytest.mark.parametrize(("operation", "params"), [("PutObject", WRITE), ("GetObject", OBJECT)])
@pytest.mark.parametrize("token", [None, "tok/en+="])
def test_requests_for_objects_are_those_of_botocore(
    operation: str, params: Mapping[str, Any], token: str | None
) -> None:
    """With the type and the checksum, and without a signature of the body."""
    answer = respond(200, b"", {"ETag": '"e"', "x-amz-version-id": "v", "Content-Length": "0"})
    request, parsed = call(make_client("s3", short=True, token=token), operation, params, answer)
    expected, wanted = call(make_client("s3", short=False, token=token), operation, params, answer)
    assert (request.method, request.url) == (expected.method, expected.url)
    assert request.body == params.get("Body")
    assert request.stream_output is (operation == "GetObject")
    # S3 need not agree to a body before it is sent: the function has the right to write it.
    others = OTHER_HEADERS | {"expect"}
    headers, theirs = (
        {name: value for name, value in read_headers(each).items() if name not in others}
        for each in (request, expected)
    )
    assert headers == theirs
    for name in ("ETag", "VersionId"):
        assert parsed[name] == wanted[name]


@pytest.mark.parametrize(("operation", "params"), [("PutObject", WRITE), ("GetObject", OBJECT)])
@pytest.mark.parametrize("token", [None, "tok/en+="])
def test_signatures_for_objects_are_those_of_botocore(
    monkeypatch: pytest.MonkeyPatch, operation: str, params: Mapping[str, Any], token: str | None
) -> None:
    """The code of botocore signs the same request at the same time."""
    client = make_client("s3", short=True, token=token)
    request, _ = call(client, operation, params, respond(200, b"", {"Content-Length": "0"}))
    headers = read_headers(request)
    signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - botocore's has no zone
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    monkeypatch.setattr(S3SigV4Auth, "_should_sha256_sign_payload", lambda *_: False)
    sent = {name: value for name, value in headers.items() if name not in {"authorization", "x-amz-date"}}
    again = AWSRequest(request.method, request.url, headers=sent, data=request.body)
    S3SigV4Auth(client._request_signer._credentials, "s3", "eu-central-1").add_auth(again)
    assert headers["authorization"] == again.headers["Authorization"]


@pytest.mark.parametrize(
    ("region", "endpoint", "bucket"),
    [
        ("us-east-1", None, "images"),
        ("cn-north-1", None, "images"),
        ("eu-central-1", None, "images.with.dots"),
        ("eu-central-1", "http://127.0.0.1:4566", "images"),
        ("eu-central-1", "https://store.test:8443", "images"),
    ],
)
def test_objects_have_the_address_of_botocore(region: str, endpoint: str | None, bucket: str) -> None:
    """The global host, which links may have, redirects requests for new buckets."""
    params = {"Bucket": bucket, "Key": "raw/a b"}
    answer = respond(200, b"", {"Content-Length": "0"})
    clients = [make_client("s3", short=short, region=region, endpoint=endpoint) for short in (True, False)]
    short, expected = (call(client, "GetObject", params, answer)[0] for client in clients)
    assert short.url == expected.url
    assert f"/{region}/s3/aws4_request" in read_headers(short)["authorization"]


def test_objects_are_read_as_a_stream() -> None:
    """The members that we use are those of botocore."""
    headers = {"Content-Length": "4", "Content-Type": "image/png", "ETag": '"e"'}
    params = {"Bucket": "images", "Key": "raw/a b"}
    request, parsed = call(make_client("s3", short=True), "GetObject", params, respond(200, b"data", headers))
    expected, wanted = call(make_client("s3", short=False), "GetObject", params, respond(200, b"data", headers))
    assert (request.method, request.url) == ("GET", expected.url)
    assert request.stream_output
    assert parsed["Body"].read() == wanted["Body"].read() == b"data"
    for name in ("ContentLength", "ContentType", "ETag"):
        assert parsed[name] == wanted[name]


def test_missing_objects_have_the_error_of_botocore() -> None:
    """The worker compares its code."""
    body = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
    params = {"Bucket": "images", "Key": "raw/x"}
    _, error = call(make_client("s3", short=True), "GetObject", params, respond(404, body))
    assert isinstance(error, ClientError)
    assert error.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.parametrize(
    ("change", "header"),
    [({"ChecksumMode": "ENABLED"}, "x-amz-checksum-mode"), ({"Range": "bytes=0-1"}, "range")],
    ids=["with a checksum", "of a part"],
)
def test_reads_with_other_parameters_are_those_of_botocore(change: Mapping[str, str], header: str) -> None:
    """Only botocore compares checksums."""
    params = {"Bucket": "images", "Key": "raw/x", **change}
    request, _ = call(make_client("s3", short=True), "GetObject", params, respond(200, b"", {"Content-Length": "0"}))
    assert read_headers(request)[header] == next(iter(change.values()))


def test_a_closed_port_raises_the_error_of_botocore_after_the_last_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller translates it."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    tries = []

    def refuse(_session: URLLib3Session, request: Any) -> AWSResponse:
        tries.append(request.url)
        raise EndpointConnectionError(endpoint_url=request.url)

    monkeypatch.setattr(URLLib3Session, "send", refuse)
    with pytest.raises(EndpointConnectionError):
        make_client("sqs", short=True, tries=3).send_message(QueueUrl=QUEUE, MessageBody="x")
    assert len(tries) == 3
