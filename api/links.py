"""Absolute links to this API, as the caller reaches it.

The host is the one that the caller used, so a link works from inside a compose network and from
outside alike. The path in front of ``/v1`` is a setting: gateways do not tell it.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links for one request."""

    base: str
    """Scheme, host and path prefix, without a slash at the end."""

    @classmethod
    def for_request(cls, event: BaseProxyEvent, path_prefix: str) -> "Links":
        """Take scheme and host from the request; API Gateway sets ``X-Forwarded-Proto``."""
        headers = event.headers
        scheme = (headers.get("x-forwarded-proto") or "http").partition(",")[0]
        host = headers.get("host") or ""
        return cls(f"{scheme}://{host}{path_prefix}" if host else path_prefix)

    def job(self, job_id: str) -> str:
        """Link to the status of a job."""
        return f"{self.base}/v1/jobs/{job_id}"

    def result(self, job_id: str) -> str:
        """Link to the first output of a job."""
        return f"{self.job(job_id)}/result"

    def output(self, job_id: str, name: str) -> str:
        """Link to one output of a job."""
        return f"{self.job(job_id)}/outputs/{quote(name, safe='')}"

    def jobs(self, query: dict[str, Any]) -> str:
        """Link to a listing; parameters that are None are left out."""
        return f"{self.base}/v1/jobs?" + urlencode({key: value for key, value in query.items() if value is not None})
