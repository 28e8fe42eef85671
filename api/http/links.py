"""Absolute links to this API.

Links contain the host of the request, so they work inside and outside a Docker Compose network. The path in front of
``/v1`` comes from the gateway, or from a setting if the gateway does not report it.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.http.gateway_event import OPEN_PATH, split_path


@dataclass(frozen=True, slots=True)
class Links:
    """Links for the response to one request."""

    #: Scheme, host and path prefix, without a trailing slash.
    base: str

    @classmethod
    def for_request(cls, event: BaseProxyEvent, path_prefix: str) -> "Links":
        """Return links with the scheme and host of the request. API Gateway sets ``X-Forwarded-Proto``.

        If ``path_prefix`` is empty, the links have the prefix that the gateway reports: the stage, or the base path of
        a custom domain name. ``event`` is one of ``normalize_event``.
        """
        headers = event.headers
        prefix = path_prefix or _removed_prefix(event)
        scheme = (headers.get("x-forwarded-proto") or "http").partition(",")[0].strip().lower()
        host = headers.get("host") or ""
        # Both come from the caller and are sent in response headers, so values that are not valid are ignored.
        is_valid = scheme in {"http", "https"} and re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", host)
        return cls(f"{scheme}://{host}{prefix}" if is_valid else prefix)

    @property
    def origin(self) -> str:
        """Return the scheme and host, or an empty string if the request has no valid host."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    def job(self, job_id: str) -> str:
        """Return the link to a job."""
        return f"{self.base}/v1/jobs/{job_id}"

    def result(self, job_id: str) -> str:
        """Return the link to the first processed image of a job."""
        return f"{self.job(job_id)}/result"

    def output(self, job_id: str, name: str) -> str:
        """Return the link to the processed image of one output of a job."""
        return f"{self.job(job_id)}/outputs/{quote(name, safe='')}"

    def receipt(self, job_id: str) -> str:
        """Return the link to the receipt of a job."""
        return f"{self.job(job_id)}/receipt"

    def batch(self, batch_id: str) -> str:
        """Return the link to a batch."""
        return f"{self.base}/v1/batches/{batch_id}"

    def preset(self, name: str) -> str:
        """Return the link to a preset."""
        return f"{self.base}/v1/presets/{name}"

    def webhook(self, name: str) -> str:
        """Return the link to a webhook."""
        return f"{self.base}/v1/webhooks/{name}"

    def asset(self, name: str) -> str:
        """Return the link to an asset."""
        return f"{self.base}/v1/assets/{name}"

    def token(self, token_id: str) -> str:
        """Return the link to an upload token."""
        return f"{self.base}/v1/tokens/{token_id}"

    def watch(self, watch_id: str) -> str:
        """Return the link to a watch."""
        return f"{self.base}/v1/watches/{watch_id}"

    def for_tokens(self) -> str:
        """Return the URL of the API for requests with an upload token."""
        return f"{self.base}{OPEN_PATH}/v1"

    def jobs(self, query: dict[str, Any]) -> str:
        """Return the link to a list of jobs with these query parameters, except those that are None."""
        return f"{self.base}/v1/jobs?" + urlencode({key: value for key, value in query.items() if value is not None})


def _removed_prefix(event: BaseProxyEvent) -> str:
    """Return what ``requestContext.path`` has in front of the path, without a trailing slash."""
    whole = split_path((event.get("requestContext") or {}).get("path"))
    inside = split_path(event.get("path"))
    before = len(whole) - len(inside)
    return "".join(f"/{part}" for part in whole[: max(before, 0)])
