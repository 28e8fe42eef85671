"""How a caller proves who it is, one way for each ``ApiAuth``: a key, a token, a signature, nothing."""

import os
from collections.abc import Generator, Mapping
from urllib.parse import urlsplit

import httpx

from safelight.errors import CredentialsMissing
from safelight.transport.aws_credentials import find_credentials, find_region, is_gateway
from safelight.transport.signing import SignatureV4

KEY_VARIABLE = "SAFELIGHT_API_KEY"
TOKEN_VARIABLE = "SAFELIGHT_TOKEN"  # noqa: S105 - the name of a variable
AUTH_VARIABLE = "SAFELIGHT_AUTH"
WAYS = ("iam", "none")


class ApiKey(httpx.Auth):
    """The key of a usage plan, for ``ApiAuth=api-key``."""

    def __init__(self, key: str) -> None:
        """Keep the key; it is in no message and no log."""
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key."""
        request.headers["X-Api-Key"] = self._key
        yield request


class Token(httpx.Auth):
    """An ID token of a Cognito user pool, for ``ApiAuth=cognito``. It is good for an hour."""

    def __init__(self, token: str) -> None:
        """Keep the token; it is in no message and no log."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def find_auth(api_url: str, environment: Mapping[str, str] = os.environ) -> httpx.Auth | None:
    """Choose how to call an API: a key or a token where there is one, else a signature where one is wanted.

    It is wanted where ``SAFELIGHT_AUTH`` is ``iam``, and by every API Gateway under its own name, unless the variable
    is ``none`` or there are no AWS keys. Raises CredentialsMissing where one is wanted by name and can't be made.
    """
    way = environment.get(AUTH_VARIABLE, "")
    if way not in {"", *WAYS}:
        raise CredentialsMissing(f"{AUTH_VARIABLE} is {way!r}; it may be {' or '.join(WAYS)}.")
    if way == "none":
        return None
    if way == "" and (key := environment.get(KEY_VARIABLE)):
        return ApiKey(key)
    if way == "" and (token := environment.get(TOKEN_VARIABLE)):
        return Token(token)
    host = urlsplit(api_url).hostname or ""
    if way == "" and not is_gateway(host):
        return None
    return _signed(host, environment, is_demanded=way == "iam")


def _signed(host: str, environment: Mapping[str, str], *, is_demanded: bool) -> SignatureV4 | None:
    credentials, region = find_credentials(environment), find_region(host, environment)
    if credentials and region:
        return SignatureV4(credentials, region)
    if not is_demanded:
        return None
    raise CredentialsMissing(
        "There is no region to sign for: set AWS_REGION."
        if credentials
        else "There are no AWS keys to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
    )
