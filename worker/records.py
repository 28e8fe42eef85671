"""SQS records: the plumbing of partial batches that both queue functions share."""

import logging
from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.errors import BadMessage

RecordHandler = Callable[[SQSRecord, LambdaContext], Any]


def process_records(
    event: dict[str, Any],
    context: LambdaContext,
    handle: RecordHandler,
    logger: Logger,
) -> PartialItemFailureResponse:
    """Hand over each record; the answer names those that must come back, and only those.

    A record comes back when ``handle`` raises. That is logged, and never fails its neighbours or the
    invocation: CloudWatch's ``Errors`` counts crashes alone.
    """
    if not event.get("Records"):
        logger.warning("Invoked without records")
        return {"batchItemFailures": []}
    _check_envelopes(event)

    # Powertools passes both by keyword, so these names are its own.
    def record_handler(record: SQSRecord, lambda_context: LambdaContext) -> Any:  # noqa: ANN401 - up to the handler
        logger.append_keys(message_id=record.message_id, receive_count=record.attributes.approximate_receive_count)
        try:
            return handle(record, lambda_context)
        finally:
            logger.remove_keys(["message_id", "receive_count", "job_id"])

    # Powertools' own Logger is no subclass of logging.Logger, but is what its documentation passes here.
    log = cast("logging.Logger", logger)
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=log)
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)


def _check_envelopes(event: dict[str, Any]) -> None:
    """Refuse records without an ID: naming a null one would send the whole batch back (AWS's rule)."""
    if not all(record.get("messageId") for record in event["Records"]):
        raise BadMessage("A record has no messageId.")
