"""Compressed responses of the API, as API Gateway sends them with ``MinimumCompressionSize``. MiniStack only stores it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import gzip
import re
from collections.abc import Mapping
from typing import Any


def accepts_gzip(header: str | None) -> bool:
    """Return True if an ``Accept-Encoding`` header allows gzip (RFC 9110, section 12.5.3)."""
    weights = {}
    for each in (header or "").lower().split(","):
        coding, _, parameters = each.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d*)?)\s*", parameters)
        weights[coding.strip()] = float(weight[1]) if weight else 1.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def install(gateway: Any) -> None:
    """Patch ``ministack.services.apigateway_v1``."""
    invoke = gateway._invoke_lambda_proxy_v1

    async def invoke_and_compress(*given: Any, **named: Any) -> Any:
        status, headers, body = await invoke(*given, **named)
        api = gateway._rest_apis.get_scoped(named["owner_account_id"], named["owner_region"], given[1]) or {}
        return status, *compress(headers, body, given[7].get("accept-encoding"), api.get("minimumCompressionSize"))

    gateway._invoke_lambda_proxy_v1 = invoke_and_compress


def compress(
    headers: Mapping[str, Any], body: bytes, accept_encoding: str | None, minimum: int | str | None
) -> tuple[Mapping[str, Any], bytes]:
    """Return headers and body, compressed if the caller accepts it and the body has at least ``minimum`` bytes."""
    is_encoded = any(name.lower() == "content-encoding" for name in headers)
    if minimum is None or is_encoded or len(body) < int(minimum) or not accepts_gzip(accept_encoding):
        return headers, body
    kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    return {**kept, "Content-Encoding": "gzip"}, gzip.compress(body, compresslevel=6, mtime=0)
