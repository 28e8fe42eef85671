"""The one translation of AWS's errors into the project's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    HTTPClientError,
    IncompleteReadError,
)

from shared.errors import ServiceError, ServiceRefused, ServiceThrottled, ServiceUnavailable

# botocore's own list of throttling codes (botocore.retries.standard.ThrottledRetryableChecker).
THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "TransactionConflictException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)


#: Reasons for which a transaction is cancelled that may pass.
RETRYABLE_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Turn what botocore raises inside into a ServiceError, with botocore's error as its cause."""
    try:
        yield
    except ClientError as error:
        raise to_service_error(error) from error
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise ServiceUnavailable from error
    except BotoCoreError as error:
        raise ServiceRefused from error


def to_service_error(error: ClientError) -> ServiceError:
    """Choose the error for an answer that a service gave."""
    if error_code(error) in THROTTLING_CODES:
        return ServiceThrottled(retry_after_seconds=1)
    if error_code(error) == "TransactionCanceledException":
        met = {str(reason.get("Code")) for reason in cancellation_reasons(error)}
        if met & RETRYABLE_REASONS and not met & {"ConditionalCheckFailed"}:
            return ServiceThrottled(retry_after_seconds=1)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return ServiceUnavailable() if status >= 500 else ServiceRefused()


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return why a transaction was cancelled, one reason for each of its writes."""
    return list(cast("dict[str, Any]", error.response).get("CancellationReasons", ()))


def error_code(error: ClientError) -> str:
    """Return AWS's own code, such as ``NoSuchKey``."""
    return error.response.get("Error", {}).get("Code", "")
