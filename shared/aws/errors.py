"""Translation of AWS errors into the project's errors."""

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


#: Retryable reasons for which a transaction is cancelled.
RETRYABLE_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Translate errors from botocore into ServiceError, with the original as the cause."""
    try:
        yield
    except ClientError as error:
        raise to_service_error(error) from error
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise ServiceUnavailable from error
    except BotoCoreError as error:
        raise ServiceRefused from error


def to_service_error(error: ClientError) -> ServiceError:
    """Return the error for a service's error response."""
    if error_code(error) in THROTTLING_CODES:
        return ServiceThrottled(retry_after_seconds=1)
    if error_code(error) == "TransactionCanceledException":
        reasons = {str(reason.get("Code")) for reason in cancellation_reasons(error)}
        if reasons & RETRYABLE_REASONS and not reasons & {"ConditionalCheckFailed"}:
            return ServiceThrottled(retry_after_seconds=1)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return ServiceUnavailable() if status >= 500 else ServiceRefused()


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return the reasons why a transaction was cancelled, one for each of its writes."""
    return list(cast("dict[str, Any]", error.response).get("CancellationReasons", ()))


def error_code(error: ClientError) -> str:
    """Return the AWS error code, such as ``NoSuchKey``."""
    return error.response.get("Error", {}).get("Code", "")
