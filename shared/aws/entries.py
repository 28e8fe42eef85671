"""Calls of SNS and SQS with several entries, each of which can fail alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from botocore.exceptions import ClientError

from shared.aws.errors import to_service_error
from shared.errors import ServiceError
from shared.parallel import map_parallel

#: Entries and bytes of one call. Both services have these limits
#: (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html,
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html).
MAX_ENTRIES: Final = 10
MAX_BYTES: Final = 262_144
#: Bytes of an entry besides its text: its group and attributes.
ENTRY_BYTES: Final = 256
#: Tries of entries that fail. botocore repeats only whole calls.
MAX_TRIES: Final = 2
CLIENT_ERROR: Final = 400
SERVER_ERROR: Final = 500
_T = TypeVar("_T")
Call = Callable[[Sequence[_T]], Sequence[Mapping[str, Any]]]


def call_in_groups(entries: Sequence[_T], call: Call[_T], measure: Callable[[_T], int]) -> list[ServiceError | None]:
    """Call a service with groups of entries, concurrently. Return the error of each entry, or None if it succeeded.

    ``call`` gives the entries of one group their position in it as ``Id``, and returns ``Failed`` of the service's
    response. It raises ServiceError if the whole group fails. ``measure`` returns the bytes of an entry's text.
    """
    errors = map_parallel(lambda group: _call_group(group, call), _group(entries, measure))
    return [error for group in errors for error in group]


def _call_group(entries: Sequence[_T], call: Call[_T]) -> list[ServiceError | None]:
    errors: list[ServiceError | None] = [None] * len(entries)
    left = list(range(len(entries)))
    for _ in range(MAX_TRIES):
        try:
            failures = call([entries[position] for position in left])
        except ServiceError as error:
            return [error if position in left else errors[position] for position in range(len(entries))]
        failed = {left[int(failure["Id"])]: _to_error(failure) for failure in failures}
        for position in left:
            errors[position] = failed.get(position)
        left = [position for position, error in failed.items() if error.retriable]
        if not left:
            break
    return errors


def _to_error(failure: Mapping[str, Any]) -> ServiceError:
    status = CLIENT_ERROR if failure.get("SenderFault") else SERVER_ERROR
    error = {"Code": failure.get("Code", ""), "Message": failure.get("Message", "")}
    response = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
    cause = ClientError(cast("Any", response), "Batch")
    translated = to_service_error(cause)
    translated.__cause__ = cause
    return translated


def _group(entries: Sequence[_T], measure: Callable[[_T], int]) -> Iterator[list[_T]]:
    group: list[_T] = []
    used = 0
    for entry in entries:
        size = measure(entry) + ENTRY_BYTES
        if group and (len(group) == MAX_ENTRIES or used + size > MAX_BYTES):
            yield group
            group, used = [], 0
        group.append(entry)
        used += size
    if group:
        yield group
