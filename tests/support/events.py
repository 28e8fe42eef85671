"""Events as AWS passes them to a Lambda function, and a Lambda context."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

#: Receipt handle of a message that was never in a queue.
NO_HANDLE = "none"


@dataclass
class Context:
    """The attributes of a Lambda context that Powertools reads."""

    function_name: str = "test"
    memory_limit_in_mb: int = 2048
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:test"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    remaining_milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time of the invocation."""
        return self.remaining_milliseconds


def http(
    method: str,
    path: str,
    body: bytes | str | None = None,
    *,
    headers: Mapping[str, str | Sequence[str]] | None = None,
    query: Mapping[str, str | Sequence[str]] | None = None,
    identity: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    base_path: str | None = None,
    is_open: bool = False,
) -> dict[str, Any]:
    """Return a REST API proxy event; a body of bytes is base64-encoded, as for binary media types.

    ``path`` is the path of the API, which begins with ``/v1``. With ``base_path``, such as ``/images``, the request
    came through a custom domain name that has a base path mapping, or an empty one. Both paths then begin with it.
    With ``is_open``, it came under ``/token``, where the gateway checks no credentials.
    """
    sent = {name: [value] if isinstance(value, str) else list(value) for name, value in (headers or {}).items()}
    sent = {"Host": ["gateway.test:4566"], **sent}
    asked = {name: [value] if isinstance(value, str) else list(value) for name, value in (query or {}).items()}
    encoded = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    is_root = path == "/"
    resource = "/" if is_root else "/token/{proxy+}" if is_open else "/{proxy+}"
    before = "/token" if is_open else ""
    return {
        "resource": resource,
        "path": f"{base_path or ''}{before}{path}",
        "httpMethod": method,
        # Of several values, API Gateway passes the last one here.
        "headers": {name: values[-1] for name, values in sent.items()},
        "multiValueHeaders": sent,
        "queryStringParameters": {name: values[-1] for name, values in asked.items()} or None,
        "multiValueQueryStringParameters": asked or None,
        "pathParameters": None if is_root else {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "ab12cd",
            "resourcePath": resource,
            "httpMethod": method,
            "extendedRequestId": "KtHZpFcJIAMEfZw=",
            "requestTime": "29/Nov/2026:12:00:00 +0000",
            "requestTimeEpoch": int(time.time() * 1000),
            "path": f"{'/prod' if base_path is None else base_path}{before}{path}",
            "accountId": "000000000000",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": sent["Host"][-1].split(".", 1)[0],
            "domainName": sent["Host"][-1],
            "deploymentId": "ef34gh",
            "apiId": "a1b2c3d4e5",
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "test", "accessKey": None, **(identity or {})},
            **({"authorizer": dict(authorizer)} if authorizer else {}),
        },
        "body": encoded,
        "isBase64Encoded": isinstance(body, bytes),
    }


def sqs(*messages: Mapping[str, Any], queue: str) -> dict[str, Any]:
    """Return an SQS event of messages that boto3 received from ``queue``."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(int(time.time() * 1000)),
                    "SenderId": "AROAEXAMPLE:safelight-api",
                    "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
                    **message.get("Attributes", {}),
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(message["Body"].encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for message in messages
        ],
    }


def s3(bucket: str, key: str, size: int = 1) -> str:
    """Return the body of an SQS message with the S3 event of a stored object."""
    stored = {"key": quote_plus(key, safe="/"), "size": size, "eTag": "0" * 32, "sequencer": "0055AED6DCD90281E5"}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Post",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": stored},
    }
    return json.dumps({"Records": [record]})


def make_message(body: str) -> dict[str, Any]:
    """Return a message as boto3 receives it."""
    return {"MessageId": str(uuid.uuid4()), "ReceiptHandle": NO_HANDLE, "Body": body}


def make_stream_record(item: Mapping[str, Any], *, kind: str = "MODIFY") -> dict[str, Any]:
    """Return the stream record of a write to the job table."""
    return {
        "eventID": uuid.uuid4().hex,
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": int(time.time()),
            "Keys": {"ID": item.get("ID", {"S": ""})},
            "NewImage": dict(item),
            "SequenceNumber": str(time.time_ns()),
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/Images/stream/2026-11-22T00:00:00.000",
    }


def schedule(rule: str) -> dict[str, Any]:
    """Return the event of a rule of EventBridge that has a schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-11-29T12:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:000000000000:rule/{rule}"],
        "detail": {},
    }
