"""AWS's error responses as botocore's exceptions."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError


def make_client_error(
    operation: str, code: str, status: int = 400, *, item: Mapping[str, Any] | None = None
) -> ClientError:
    """Return a refusal with ``code``; ``item`` is the stored item of a failed condition."""
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": f"{code}, says the double"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "double", "RetryAttempts": 0},
    }
    if item is not None:
        response["Item"] = dict(item)
    return ClientError(response, operation)  # type: ignore[arg-type] # the stubs demand a HostId
