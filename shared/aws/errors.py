"""Translation of AWS errors into the project's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    HTTPClientError,
    IncompleteReadError,
)

from shared.errors import ServiceError, ServiceRefused, ServiceThrottled, ServiceUnavailable

TOO_MANY_REQUESTS: Final = 429
SERVER_ERROR: Final = 500
#: Codes of requests over a limit, as :func:`normalize_code` returns them. Codes that contain "throttl" count too.
THROTTLING_CODES: Final = frozenset(
    {
        *("bandwidthlimitexceeded", "limitexceeded", "overlimit", "priorrequestnotcomplete"),
        *("provisionedthroughputexceeded", "requestlimitexceeded", "slowdown", "toomanyrequests"),
        *("transactionconflict", "transactioninprogress"),
    }
)
#: Codes with a 4xx status, or with none, after which the same request may succeed.
TRANSIENT_CODES: Final = frozenset(
    {
        # A connection or checksum was broken, or another write to the same object or item is not complete.
        *("baddigest", "concurrentaccess", "conditionalrequestconflict", "operationaborted", "replicatedwriteconflict"),
        "requesttimeout",
        # Services return these codes with 5xx, but DynamoDB and S3 also inside a response with another status.
        *("internal", "internalfailure", "internalserver", "serviceunavailable"),
        # KMS, also as KMS.… through another service. A disabled or deleted key is a refusal.
        *("dependencytimeout", "keyunavailable", "kmsinternal"),
        # A new execution environment has new credentials and another clock.
        *("expiredtoken", "requestexpired", "requesttimetooskewed", "tokenrefreshrequired"),
    }
)


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
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    codes = [error_code(error)]
    if codes == ["TransactionCanceledException"]:
        codes = [str(reason.get("Code")) for reason in cancellation_reasons(error)]
        if "ConditionalCheckFailed" in codes:
            return ServiceRefused()
    if status == TOO_MANY_REQUESTS or any(is_throttling(code) for code in codes):
        return ServiceThrottled(retry_after_seconds=1)
    if status >= SERVER_ERROR or any(normalize_code(code) in TRANSIENT_CODES for code in codes):
        return ServiceUnavailable()
    return ServiceRefused()


def is_throttling(code: str) -> bool:
    """Return True if an error code means that a request exceeds a rate or another limit that recovers.

    The codes of one service are not those of another: KMS throttles SQS with ``KmsThrottled`` or
    ``KMS.ThrottlingException``, and SNS with ``KMSThrottling``.
    """
    name = normalize_code(code)
    return "throttl" in name or name in THROTTLING_CODES


def normalize_code(code: str) -> str:
    """Return an error code in lower case, without a prefix such as ``KMS.`` and without ``Exception`` or ``Error``."""
    return code.rpartition(".")[2].lower().removesuffix("exception").removesuffix("error")


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return the reasons why a transaction was cancelled, one for each of its writes."""
    return list(cast("dict[str, Any]", error.response).get("CancellationReasons", ()))


def error_code(error: ClientError) -> str:
    """Return the AWS error code, such as ``NoSuchKey``."""
    return error.response.get("Error", {}).get("Code", "")
