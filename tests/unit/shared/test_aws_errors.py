"""Errors of AWS services: which ones are retryable, and which ones mean that the deployment is wrong."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import botocore
import botocore.session
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from shared.aws.errors import is_throttling, to_service_error, translate_aws_errors
from shared.errors import ServiceError, ServiceRefused, ServiceThrottled, ServiceUnavailable

#: The services that the functions call, and KMS, which these services call with KmsKeyArn.
SERVICES = ("dynamodb", "dynamodbstreams", "kms", "s3", "sns", "sqs")
RETRY_DATA = json.loads((Path(botocore.__file__).parent / "data" / "_retry.json").read_text(encoding="utf-8"))
# The stubs do not have these private lists.
THROTTLING: list[str] = cast("Any", ThrottledRetryableChecker)._THROTTLED_ERROR_CODES
TRANSIENT: list[str] = cast("Any", TransientRetryableChecker)._TRANSIENT_ERROR_CODES
#: Names of errors that mean a limit on the rate, in any service.
RATE = re.compile(r"Throttl|TooManyRequests|ThroughputExceeded|RequestLimitExceeded|SlowDown")


def make_error(code: str, status: int = 400, **more: Any) -> ClientError:
    """Return the error of a response."""
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response | more, "Operation")


@cache
def list_modeled_codes(service: str) -> dict[str, dict[str, Any]]:
    """Return the error codes of a service's model, with the metadata of each."""
    model = botocore.session.get_session().get_service_model(service)
    shapes = {shape.name: shape for name in model.operation_names for shape in model.operation_model(name).error_shapes}
    found: dict[str, dict[str, Any]] = {}
    for name, shape in shapes.items():
        found[name] = found[shape.metadata.get("error", {}).get("code", name)] = dict(shape.metadata)
    return found


def list_retry_codes() -> Iterator[str]:
    """Yield the codes of botocore's retry data, for all services together and for each one that we call."""
    policies = [*RETRY_DATA["definitions"].values()]
    for service in SERVICES:
        policies.extend(RETRY_DATA["retry"].get(service, {}).get("__default__", {}).get("policies", {}).values())
    for policy in policies:
        code = policy.get("applies_when", {}).get("response", {}).get("service_error_code")
        if code:
            yield code
    yield from TRANSIENT


@pytest.mark.parametrize("code", THROTTLING)
@pytest.mark.parametrize("prefix", ["", "KMS.", "AWS.SimpleQueueService."])
def test_every_code_that_botocore_counts_as_throttling_is_throttling(prefix: str, code: str) -> None:
    """With every status, and if another service passes it on."""
    assert isinstance(to_service_error(make_error(prefix + code)), ServiceThrottled)


@pytest.mark.parametrize("code", sorted(set(list_retry_codes())))
def test_every_code_that_botocore_retries_is_retryable(code: str) -> None:
    """Also the codes of single services."""
    assert to_service_error(make_error(code)).retriable


@pytest.mark.parametrize("service", SERVICES)
def test_every_modeled_error_about_a_rate_is_throttling(service: str) -> None:
    """By its name and by its code, of which a response contains one."""
    for code, metadata in list_modeled_codes(service).items():
        if RATE.search(code) or metadata.get("error", {}).get("httpStatusCode") == 429:
            assert is_throttling(code), code
        if metadata.get("retryable"):
            assert to_service_error(make_error(code)).retriable, code


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("KMS.ThrottlingException", 400, ServiceThrottled),
        ("KmsThrottled", 400, ServiceThrottled),
        ("KMSThrottling", 400, ServiceThrottled),
        ("KMSThrottlingException", 400, ServiceThrottled),
        ("RequestThrottled", 403, ServiceThrottled),
        ("OverLimit", 403, ServiceThrottled),
        ("AnyCodeOfTomorrow", 429, ServiceThrottled),
        ("SlowDown", 503, ServiceThrottled),
        ("KMS.KMSInternalException", 400, ServiceUnavailable),
        ("KMS.DependencyTimeoutException", 400, ServiceUnavailable),
        ("RequestTimeout", 400, ServiceUnavailable),
        ("OperationAborted", 409, ServiceUnavailable),
        ("InternalError", 200, ServiceUnavailable),
        ("ExpiredTokenException", 400, ServiceUnavailable),
        ("ExpiredToken", 400, ServiceUnavailable),
        ("RequestTimeTooSkewed", 403, ServiceUnavailable),
        ("AnyCodeOfTomorrow", 500, ServiceUnavailable),
        ("KMS.AccessDeniedException", 400, ServiceRefused),
        ("KMS.DisabledException", 400, ServiceRefused),
        ("KmsAccessDenied", 400, ServiceRefused),
        ("KMSDisabled", 400, ServiceRefused),
        ("AccessDenied", 403, ServiceRefused),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, ServiceRefused),
        ("FilterPolicyLimitExceeded", 403, ServiceRefused),
        ("ConditionalCheckFailedException", 400, ServiceRefused),
        ("ValidationException", 400, ServiceRefused),
    ],
)
def test_errors_are_classified(code: str, status: int, expected: type[ServiceError]) -> None:
    """A limit or a fault is retryable; a missing permission or a wrong request is not."""
    with pytest.raises(expected), translate_aws_errors():
        raise make_error(code, status)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["None", "ThrottlingError"], ServiceThrottled),
        (["ProvisionedThroughputExceeded"], ServiceThrottled),
        (["TransactionConflict", "None"], ServiceThrottled),
        (["TransactionConflict", "ConditionalCheckFailed"], ServiceRefused),
        (["ConditionalCheckFailed"], ServiceRefused),
        (["ValidationError"], ServiceRefused),
    ],
)
def test_cancelled_transactions_are_classified(reasons: list[str], expected: type[ServiceError]) -> None:
    """By the reasons of their writes. A condition that failed comes first, because a repetition would fail too."""
    error = make_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in reasons])
    assert type(to_service_error(error)) is expected


def test_lost_connections_are_retryable() -> None:
    """The service may respond to the next request."""
    with pytest.raises(ServiceUnavailable), translate_aws_errors():
        raise ReadTimeoutError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")
