"""Asks whether what answers at an address is LocalStack, and which release."""

import contextlib

import httpx

#: MiniStack answers at the health path too, but not here, where LocalStack answers before it has loaded a service. To
#: ask for MiniStack's own path would make LocalStack load S3 first, for longer than a busy machine has patience.
INFO_PATH = "/_localstack/info"
SECONDS = 5


def ask(url: str) -> str | None:
    """Return the release of the LocalStack there; None when nothing answers, or something else does."""
    with contextlib.suppress(httpx.HTTPError, ValueError), httpx.Client(trust_env=False, timeout=SECONDS) as client:
        answer = client.get(url + INFO_PATH)
        told = answer.json() if answer.status_code == httpx.codes.OK else None
        if isinstance(told, dict) and "version" in told and "session_id" in told:
            return str(told["version"])
    return None
