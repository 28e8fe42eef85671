"""Rules for the queues of the template and for the mappings of functions to them."""

import json
from datetime import timedelta

import pytest
from support.template_facts import (
    JOB_QUEUES,
    MAPPINGS,
    QUEUES,
    RESOURCES,
    SOURCES,
    TEMPLATE,
    environment,
    number,
    properties,
    require_tls,
)

from infra.deployment import parameters
from notifier.webhooks import RECORD_TIME
from shared.jobs import object_keys
from shared.webhooks.delivery import MAX_TRIES, RETRY_DELAYS
from shared.webhooks.event import JOB_EVENTS


@pytest.mark.parametrize("queue", JOB_QUEUES)
@pytest.mark.parametrize("mapping", MAPPINGS[:2])
def test_visibility_is_six_function_timeouts(queue: str, mapping: str) -> None:
    """Plus the batching window."""
    timeout = number(properties("WorkerFunction")["Timeout"])
    window = number(properties(mapping)["MaximumBatchingWindowInSeconds"])
    assert number(properties(queue)["VisibilityTimeout"]) >= parameters.VISIBILITY_FACTOR * timeout + window


@pytest.mark.parametrize(
    ("kind", "function"), [("DeadLetter", "DeadLetter"), ("Upload", "Upload"), ("Watch", "Walker")]
)
def test_other_visibilities_are_six_function_timeouts(kind: str, function: str) -> None:
    """Those of the dead-letter queue and of the queues of S3's events."""
    timeout = number(properties(f"{function}Function")["Timeout"])
    assert number(properties(f"{kind}Queue")["VisibilityTimeout"]) >= parameters.VISIBILITY_FACTOR * timeout


def test_the_lease_is_the_function_timeout() -> None:
    """A redelivery finds the claim expired."""
    assert environment("WorkerFunction")["LEASE_SECONDS"] == properties("WorkerFunction")["Timeout"]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_one_bad_record_does_not_fail_its_batch(mapping: str) -> None:
    """Each mapping uses partial batch responses and limits its own concurrency."""
    assert properties(mapping)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert number(properties(mapping)["ScalingConfig"]["MaximumConcurrency"]) >= 2


@pytest.mark.parametrize("count", ["MaxReceiveCount", "InteractiveConcurrency", "BulkConcurrency", "BatchSize"])
def test_every_allowed_count_is_in_the_mapping(count: str) -> None:
    """Every allowed count is in the mapping."""
    declared = TEMPLATE["Parameters"][count]
    assert declared["Type"] == "String", "LocalStack would make a number of the key"
    assert set(declared["AllowedValues"]) <= TEMPLATE["Mappings"]["Counts"].keys()


@pytest.mark.parametrize("queue", SOURCES)
def test_dead_letters_are_kept_longer_than_messages(queue: str) -> None:
    """A message's age counts from its first send."""
    source = properties(queue)
    assert number(source["RedrivePolicy"]["maxReceiveCount"]) >= 5
    kept = number(properties("DeadLetterQueue")["MessageRetentionPeriod"])
    assert kept == 14 * 24 * 3600
    assert kept > number(source["MessageRetentionPeriod"])


def test_only_the_job_queues_may_use_the_dead_letter_queue() -> None:
    """The allowed names are those of the job queues."""
    admitted = properties("DeadLetterQueue")["RedriveAllowPolicy"]["sourceQueueArns"]
    names = [arn["Fn::Sub"].rsplit(":", 1)[-1] for arn in admitted]
    assert names == [properties(queue)["QueueName"]["Fn::Sub"] for queue in SOURCES]
    assert all(properties(queue)["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"} for queue in SOURCES)


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_encrypted_and_need_tls(queue: str) -> None:
    """Queues are encrypted and need tls."""
    assert properties(queue)["SqsManagedSseEnabled"] == {"Fn::If": ["KeyIsOurs", {"Ref": "AWS::NoValue"}, True]}
    policy = properties(f"{queue}Policy")
    assert policy["Queues"] == [{"Ref": queue}]
    require_tls(policy["PolicyDocument"])


def test_direct_uploads_notify_their_queue() -> None:
    """Each upload prefix has its queue, no other object sends an event, and only S3 may send it.

    With FairQueues, the events go to the upload function, which adds the owner's group.
    """
    told = properties("ImageBucket")["NotificationConfiguration"]["QueueConfigurations"]
    queues = {each["Filter"]["S3Key"]["Rules"][0]["Value"]: each["Queue"]["Fn::If"] for each in told}
    fair = {"Fn::GetAtt": ["UploadQueue", "Arn"]}
    assert queues == {
        object_keys.DIRECT_PREFIX: ["QueuesAreFair", fair, {"Fn::GetAtt": ["JobQueue", "Arn"]}],
        object_keys.BULK_PREFIX: ["QueuesAreFair", fair, {"Fn::GetAtt": ["BulkQueue", "Arn"]}],
    }
    assert RESOURCES["ImageBucket"]["DependsOn"] == [f"{queue}Policy" for queue in SOURCES]
    for queue in SOURCES:
        (allowing,) = [
            statement
            for statement in properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
            if statement.get("Effect") == "Allow"
        ]
        assert allowing["Principal"] == {"Service": "s3.amazonaws.com"}
        assert allowing["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_stream_of_finished_jobs_reaches_the_notifier() -> None:
    """From its beginning, filtered by exactly the terminal statuses.

    A failed batch is retried in halves for half a day; then its position goes to a queue.
    """
    stream = {"Fn::If": ["NotificationsAreOn", {"StreamViewType": "NEW_IMAGE"}, {"Ref": "AWS::NoValue"}]}
    assert properties("JobTable")["StreamSpecification"] == stream
    mapping = properties("NotifierMapping")
    assert RESOURCES["NotifierMapping"]["Condition"] == "NotificationsAreOn"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert 6 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600, "a stream keeps its records for a day"
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"] == ["EventDeadLetterQueue", "Arn"]
    (chosen,) = mapping["FilterCriteria"]["Filters"]
    pattern = json.loads(chosen["Pattern"])
    assert pattern["eventName"] == ["MODIFY"]
    assert set(pattern["dynamodb"]["NewImage"]["Status"]["S"]) == {status.value for status in JOB_EVENTS}


def test_delivery_messages_outlive_all_attempts() -> None:
    """In age and in receives."""
    queue = properties("WebhookQueue")
    longest = sum(RETRY_DELAYS, timedelta()) * 1.2
    assert queue["MessageRetentionPeriod"] > longest.total_seconds()
    assert queue["RedrivePolicy"]["maxReceiveCount"] > 2 * MAX_TRIES
    assert queue["VisibilityTimeout"] >= parameters.VISIBILITY_FACTOR * properties("WebhookFunction")["Timeout"]
    assert RECORD_TIME.total_seconds() < properties("WebhookFunction")["Timeout"]
    assert TEMPLATE["Parameters"]["WebhookTargets"]["Default"] == "public"
