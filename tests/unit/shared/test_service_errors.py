"""Translation of AWS errors: what is retried and what is not."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
)

from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceError, ServiceRefused, ServiceThrottled, ServiceUnavailable


def respond(code: str, status: int, *reasons: str) -> ClientError:
    """Return the error for a response of AWS. ``reasons`` are those of a cancelled transaction."""
    response: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "Do")


CANCELLED = "TransactionCanceledException"


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (respond("ThrottlingException", 400), ServiceThrottled),
        (respond("SlowDown", 503), ServiceThrottled),
        (respond("AccessDenied", 403), ServiceRefused),
        (respond("NoSuchKey", 404), ServiceRefused),
        (respond("InternalError", 500), ServiceUnavailable),
        (respond(CANCELLED, 400, "None", "TransactionConflict"), ServiceThrottled),
        (respond(CANCELLED, 400, "ConditionalCheckFailed", "TransactionConflict"), ServiceRefused),
        (respond(CANCELLED, 400, "ConditionalCheckFailed"), ServiceRefused),
        (EndpointConnectionError(endpoint_url="https://a"), ServiceUnavailable),
        (ReadTimeoutError(endpoint_url="https://a"), ServiceUnavailable),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), ServiceUnavailable),
        (ParamValidationError(report="r"), ServiceRefused),
    ],
)
def test_an_error_says_whether_to_try_again(raised: ClientError | BotoCoreError, error: type[ServiceError]) -> None:
    """Faults of AWS and conflicts are retryable; refusals and failed conditions are not. The original is the cause."""
    with pytest.raises(ServiceError) as caught, translate_aws_errors():
        raise raised
    assert type(caught.value) is error
    assert caught.value.__cause__ is raised
