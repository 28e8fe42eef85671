"""Events as AWS passes them to a Lambda function, and a Lambda context."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
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
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    identity: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a REST API proxy event; a body of bytes is base64-encoded, as for binary media types."""
    sent = {"Host": "gateway.test:4566", **(headers or {})}
    encoded = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "stage": "prod",
            "path": f"/prod{path}",
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1", **(identity or {})},
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
                    "ApproximateReceiveCount": message.get("Attributes", {}).get("ApproximateReceiveCount", "1"),
                    "SentTimestamp": message.get("Attributes", {}).get("SentTimestamp", str(int(time.time() * 1000))),
                },
                "messageAttributes": {},
                "md5OfBody": "",
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
