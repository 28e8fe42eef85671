"""Tests of partial batches of SQS records."""

import itertools
import json
from threading import Barrier, Lock
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from support import events

from shared.errors import BadMessage, LeaseHeld
from shared.observability import make_logger
from shared.sqs_batch import RecordHandler, process_records

CONTEXT = cast("LambdaContext", events.Context())


def delivery(*bodies: str) -> dict[str, Any]:
    """Return an event with these bodies; each is its own ID."""
    messages = [{"MessageId": body, "ReceiptHandle": body, "Body": body} for body in bodies]
    return events.sqs(*messages, queue="jobs")


def returned(event: dict[str, Any], handle: RecordHandler, *, max_concurrency: int = 4) -> list[str]:
    """Process an event; return the IDs that must come back."""
    answer = process_records(event, CONTEXT, handle, make_logger("test"), max_concurrency=max_concurrency)
    assert set(answer) == {"batchItemFailures"}
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_only_failed_records_are_returned(max_concurrency: int) -> None:
    """The failed records are returned in order, also if all fail."""
    for subset in itertools.product([False, True], repeat=4):
        fails = dict(zip("abcd", subset, strict=True))

        def handle(record: SQSRecord, _: LambdaContext, fails: dict[str, bool] = fails) -> None:
            if fails[record.body]:
                raise LeaseHeld

        expected = [body for body, failed in fails.items() if failed]
        assert returned(delivery(*"abcd"), handle, max_concurrency=max_concurrency) == expected


@pytest.mark.parametrize("fault", [ValueError, MemoryError, SystemExit, KeyboardInterrupt, GeneratorExit, BadMessage])
def test_error_affects_only_its_record(fault: type[BaseException]) -> None:
    """Even a BaseException affects only its own record."""

    def handle(record: SQSRecord, _: LambdaContext) -> None:
        if record.body == "b":
            raise fault

    assert returned(delivery(*"abc"), handle) == ["b"]


def test_records_run_concurrently_up_to_the_maximum() -> None:
    """As many records as allowed run at the same time, never more."""
    together = Barrier(3, timeout=600)
    lock, running, most = Lock(), 0, 0

    def handle(_: SQSRecord, __: LambdaContext) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1

    assert returned(delivery(*"abcdef"), handle, max_concurrency=3) == []
    assert most == 3


def test_records_start_in_order() -> None:
    """The first record starts first, so the last ones are left over."""
    started = []
    returned(delivery(*"abcdefgh"), lambda record, _: started.append(record.body), max_concurrency=1)
    assert started == list("abcdefgh")


def test_log_lines_have_the_keys_of_their_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Concurrent records do not share log keys, and none are left for the next record."""
    logger = make_logger("test-keys")
    together = Barrier(2, timeout=600)

    def handle(record: SQSRecord, _: LambdaContext) -> None:
        logger.thread_safe_append_keys(job_id=f"job-{record.body}")
        together.wait()
        logger.info("working")
        together.wait()

    process_records(delivery(*"abcd"), CONTEXT, handle, logger, max_concurrency=2)
    logger.info("over")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    working = [(line["message_id"], line["job_id"]) for line in lines if line["message"] == "working"]
    assert sorted(working) == [(body, f"job-{body}") for body in "abcd"]
    assert not {"message_id", "job_id", "receive_count"} & lines[-1].keys()


def test_log_keys_do_not_stay_for_the_next_record_of_a_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither after a success nor after an error. The keys of the invocation stay."""
    logger = make_logger("test-next")
    logger.append_keys(request_id="r")

    def handle(record: SQSRecord, _: LambdaContext) -> None:
        logger.info("before")
        logger.thread_safe_append_keys(job_id=f"job-{record.body}")
        if record.body == "b":
            raise LeaseHeld

    process_records(delivery(*"abc"), CONTEXT, handle, logger, max_concurrency=1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    before = [line for line in lines if line["message"] == "before"]
    assert [line["message_id"] for line in before] == ["a", "b", "c"]
    assert not [line for line in before if "job_id" in line]
    assert [line["job_id"] for line in lines if line["message"] == "Record comes back"] == ["job-b"]
    assert {line["request_id"] for line in lines} == {"r"}


def test_reason_for_a_returned_record_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """An expected return is one line with its code; a fault has a traceback."""

    def handle(record: SQSRecord, _: LambdaContext) -> None:
        if record.body == "a":
            raise LeaseHeld
        raise ValueError("a fault of ours")

    process_records(delivery("a", "b"), CONTEXT, handle, make_logger("test-why"))
    expected, fault = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (expected["level"], expected["code"], expected["message_id"]) == ("WARNING", "LEASE_HELD", "a")
    assert "exception" not in expected
    assert (fault["level"], fault["message_id"]) == ("ERROR", "b")
    assert "a fault of ours" in fault["exception"]


def test_event_without_records_returns_no_failures() -> None:
    """A test event or warm-up returns no failures."""
    assert returned({}, lambda *_: pytest.fail("there is nothing to handle")) == []


def test_record_without_an_id_fails_the_batch() -> None:
    """AWS treats a null identifier as the whole batch."""
    event = delivery("a")
    event["Records"][0]["messageId"] = None
    with pytest.raises(BadMessage):
        returned(event, lambda *_: None)


def test_malformed_record_is_returned_alone() -> None:
    """A record without attributes does not affect the other records."""
    event = delivery("a", "b")
    del event["Records"][0]["attributes"]["ApproximateReceiveCount"]
    assert returned(event, lambda *_: None) == ["a"]
