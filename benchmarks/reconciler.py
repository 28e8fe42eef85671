"""Measure the CPU time of the reconciler per requeued job, for docs/reliability.md.

The calls of boto3 are real up to the HTTP connection, which responds immediately. So the result is the function's own
work, without the services and the network: ``python benchmarks/reconciler.py``.
"""

import io
import json
import logging
import os
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session

from infra.deployment.template import load_template
from shared.aws.dynamodb.job_item import to_item
from shared.aws.dynamodb.wire import to_wire
from shared.clock import utc_now
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.pipeline.pipeline import DEFAULT_PIPELINE

JOBS: Final = 1_000
NUMBERS: Final = {
    "MAX_ATTEMPTS": "MaxReceiveCount",
    "MAX_DEAD_LETTERS": "MaxDeadLetters",
    "REDISPATCH_SECONDS": "RedispatchSeconds",
    "LONGEST_REDISPATCH_SECONDS": "LongestRedispatchSeconds",
    "LISTING_SHARDS": "ListingShards",
    "AWS_CALL_SECONDS": "AwsCallSeconds",
}
NAMES: Final = ("IMAGE_BUCKET", "JOB_TABLE", "BATCH_TABLE", "IDEMPOTENCY_TABLE", "JOB_QUEUE_URL", "BULK_QUEUE_URL")


class Body(io.BytesIO):
    """A response body as urllib3 gives it."""

    def stream(self, *_: object) -> Any:  # noqa: ANN401 - a generator of bytes
        """Yield the whole body."""
        yield self.read()


def make_overdue_item() -> dict[str, Any]:
    """Return a job that was due an hour ago, as DynamoDB returns it."""
    job = Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id="01HZY3Q1M8Z3J5W7XK9V2B4C6D",
        filename="a.jpg",
        raw=RawImage(key="raw/api/01HZY3Q1M8Z3J5W7XK9V2B4C6D", size=10, format="JPEG", digest="00" * 32),
        owner="someone",
        now=utc_now() - timedelta(hours=2),
        due_after=timedelta(hours=1),
        retention=timedelta(days=30),
    )
    return to_wire(to_item(job, "images", 8))


def main() -> None:
    """Print the CPU time per job."""
    parameters = load_template()["Parameters"]
    os.environ |= {name: str(parameters[source]["Default"]) for name, source in NUMBERS.items()}
    os.environ |= dict.fromkeys(NAMES, "https://sqs.eu-central-1.amazonaws.com/0/x") | {"FAIR_QUEUES": "on"}
    os.environ |= {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    from worker import reconciler  # noqa: PLC0415 - it reads the environment

    logging.getLogger("reconciler").setLevel(logging.CRITICAL)
    item = json.dumps({"Item": make_overdue_item()}).encode()
    sent = 0

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        nonlocal sent
        target = str(request.headers.get("X-Amz-Target"))
        sent += "SendMessage" in target
        body = item if "GetItem" in target else b'{"MessageId": "x", "MD5OfMessageBody": "x"}'
        return AWSResponse(
            request.url, 200, HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"}), Body(body)
        )

    with patch.object(URLLib3Session, "send", send):
        built = reconciler.get_reconciler()
        overdue = SimpleNamespace(list_overdue=lambda _: iter(["01HZY3Q1M8Z3J5W7XK9V2B4C6D"] * JOBS))
        object.__setattr__(built, "open_jobs", overdue)
        started = time.process_time()
        steps = built.run(SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))  # type: ignore[arg-type]
        spent = time.process_time() - started
    if steps != {"send": JOBS} or sent != JOBS:
        raise SystemExit(f"The reconciler did not requeue all jobs: {steps}, {sent} messages.")
    print(f"{spent / JOBS * 1000:.2f} ms of CPU time per requeued job: {50 * JOBS / spent:,.0f} jobs in 50 s")


if __name__ == "__main__":
    main()
