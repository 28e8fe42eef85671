"""Asks whether what answers at an address is LocalStack, and which release."""

import contextlib

import httpx

LOCALSTACK_PATH = "/_localstack/health"
MINISTACK_PATH = "/_ministack/health"
"""MiniStack answers at LocalStack's path too; only at this one it tells what it is."""
SECONDS = 5


def ask(url: str) -> str | None:
    """Return the release of the LocalStack there; None when nothing answers, or something else does."""
    with contextlib.suppress(httpx.HTTPError, ValueError), httpx.Client(trust_env=False, timeout=SECONDS) as client:
        answer = client.get(url + LOCALSTACK_PATH)
        if answer.status_code == httpx.codes.OK and client.get(url + MINISTACK_PATH).status_code != httpx.codes.OK:
            told = answer.json()
            if isinstance(told, dict) and "services" in told and "version" in told:
                return str(told["version"])
    return None
