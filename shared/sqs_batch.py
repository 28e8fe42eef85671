"""SQS records: the plumbing of partial batches that all functions behind a queue share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.errors import BadMessage, DeliveryError
from shared.process_priority import lower_priority

RecordHandler = Callable[[SQSRecord, LambdaContext], Any]


def process_records(  # noqa: PLR0913 - the last two have defaults
    event: dict[str, Any],
    context: LambdaContext,
    handle: RecordHandler,
    logger: Logger,
    *,
    max_concurrency: int = 1,
    niceness: int = 0,
) -> PartialItemFailureResponse:
    """Hand over each record, ``max_concurrency`` at a time; the answer names those that must come back.

    A record comes back when ``handle`` raises. That is logged, and never fails its neighbours or the
    invocation: CloudWatch's ``Errors`` counts crashes alone. Records are started in their order, each when a
    place is free, so that ``handle`` can look at the time that is left. ``handle`` runs in a thread: what it
    logs gets the record's keys by ``logger.thread_safe_append_keys``. ``niceness`` is how far these threads give way.
    """
    if not event.get("Records"):
        logger.warning("Invoked without records")
        return {"batchItemFailures": []}
    records = [SQSRecord(record) for record in event["Records"]]
    _check_envelopes(event)

    def is_done(record: SQSRecord) -> bool:
        try:
            receives = record.attributes.approximate_receive_count
            logger.thread_safe_append_keys(message_id=record.message_id, receive_count=receives)
            handle(record, context)
        except DeliveryError as error:
            logger.warning("Record comes back", extra={"code": error.code}, exc_info=error.__cause__)
            return False
        except BaseException:
            logger.exception("Record comes back")
            return False
        finally:
            logger.thread_safe_clear_keys()
        return True

    with ThreadPoolExecutor(
        max_concurrency, thread_name_prefix="record", initializer=lower_priority, initargs=(niceness,)
    ) as threads:
        done = list(threads.map(is_done, records))
    returned = [record for record, is_over in zip(records, done, strict=True) if not is_over]
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in returned]}


def _check_envelopes(event: dict[str, Any]) -> None:
    """Refuse records without an ID: naming a null one would send the whole batch back (AWS's rule)."""
    if not all(record.get("messageId") for record in event["Records"]):
        raise BadMessage("A record has no messageId.")
