"""Processing of SQS batches with partial failures, for all Lambdas that a queue invokes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.errors import BadMessage, DeliveryError

RecordHandler = Callable[[SQSRecord, LambdaContext], Any]


def process_records(  # noqa: PLR0913 - the last two have defaults
    event: dict[str, Any],
    context: LambdaContext,
    handle: RecordHandler,
    logger: Logger,
    *,
    max_concurrency: int = 1,
    initializer: Callable[[], object] | None = None,
) -> PartialItemFailureResponse:
    """Call ``handle`` for each record and return the records that must be received again.

    A record is received again if ``handle`` raises an error. The error is logged. It affects neither other records nor
    the invocation, so CloudWatch's ``Errors`` counts only crashes. Records start in order, each as soon as a thread is
    free, so ``handle`` can check the remaining time of the invocation. ``handle`` runs in a thread, so it must add log
    keys with ``logger.thread_safe_append_keys``. Each thread calls ``initializer`` first.
    """
    records = _read_records(event, logger)

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

    with ThreadPoolExecutor(max_concurrency, thread_name_prefix="record", initializer=initializer) as threads:
        done = list(threads.map(is_done, records))
    returned = [record for record, is_over in zip(records, done, strict=True) if not is_over]
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in returned]}


def process_together(
    event: dict[str, Any], handle: Callable[[Sequence[SQSRecord]], Sequence[Exception | None]], logger: Logger
) -> PartialItemFailureResponse:
    """Call ``handle`` for all records and return the records that must be received again.

    ``handle`` returns the error of each record, or None if the record is done. Errors are logged.
    """
    records = _read_records(event, logger)
    returned = [(record, error) for record, error in zip(records, handle(records), strict=True) if error is not None]
    for record, error in returned:
        fields = {"message_id": record.message_id, "receive_count": record.attributes.approximate_receive_count}
        if isinstance(error, DeliveryError):
            logger.warning("Record comes back", extra=fields | {"code": error.code}, exc_info=error.__cause__)
        else:
            logger.error("Record comes back", extra=fields, exc_info=error)
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record, _ in returned]}


def _read_records(event: dict[str, Any], logger: Logger) -> list[SQSRecord]:
    """Return the records of an event.

    Raises BadMessage if a record has no ID, because AWS retries the whole batch if a returned ID is null.
    """
    records = [SQSRecord(record) for record in event.get("Records") or ()]
    if not records:
        logger.warning("Invoked without records")
    if not all(record.get("messageId") for record in records):
        raise BadMessage("A record has no messageId.")
    return records
