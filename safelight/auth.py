"""Authentication of requests: an ``httpx.Auth`` for each value of the template parameter ``ApiAuth``."""

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
#: Values of ``SAFELIGHT_AUTH``.
AUTH_MODES = ("iam", "none")


class ApiKey(httpx.Auth):
    """An API key of a usage plan, for ``ApiAuth=api-key``."""

    def __init__(self, key: str) -> None:
        """Store the key. Messages and logs never contain it."""
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header ``X-Api-Key``."""
        request.headers["X-Api-Key"] = self._key
        yield request


class Token(httpx.Auth):
    """An ID token of a Cognito user pool, for ``ApiAuth=cognito``, or an upload token, whose URL differs."""

    def __init__(self, token: str) -> None:
        """Store the token. Messages and logs never contain it."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header ``Authorization``."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def find_auth(api_url: str, environment: Mapping[str, str] = os.environ) -> httpx.Auth | None:
    """Return the authentication for an API, or None to send requests without authentication.

    If ``SAFELIGHT_AUTH`` is ``iam``, requests are signed with AWS credentials. If it is ``none``, there is no
    authentication. If it is not set, the API key in the environment is used, or else the token. If there is neither,
    and ``api_url`` has the default host name of an API Gateway, requests are signed if AWS credentials and a region are
    found.

    Raises CredentialsMissing if ``SAFELIGHT_AUTH`` has another value, or if it is ``iam`` and there are no credentials
    or no region.
    """
    mode = environment.get(AUTH_VARIABLE, "")
    if mode not in {"", *AUTH_MODES}:
        raise CredentialsMissing(f"{AUTH_VARIABLE} is {mode!r}. Use {' or '.join(AUTH_MODES)}.")
    if mode == "none":
        return None
    if mode == "" and (key := environment.get(KEY_VARIABLE)):
        return ApiKey(key)
    if mode == "" and (token := environment.get(TOKEN_VARIABLE)):
        return Token(token)
    host = urlsplit(api_url).hostname or ""
    if mode == "" and not is_gateway(host):
        return None
    return _find_signature(host, environment, is_required=mode == "iam")


def explain_refusal(auth: httpx.Auth | None) -> str:
    """Return what to check if an API refuses requests with this authentication, or an empty string for another one."""
    match auth:
        case None:
            return f"The request had no credentials. Set {KEY_VARIABLE}, {TOKEN_VARIABLE} or AWS credentials."
        case ApiKey():
            return f"Check the API key ({KEY_VARIABLE}): it must be enabled, and in the usage plan of the API."
        case Token():
            return f"Check the token ({TOKEN_VARIABLE}): it can be expired, or of another user pool."
        case SignatureV4():
            return "The user or role that signed the request needs the permission execute-api:Invoke for this API."
        case _:
            return ""


def _find_signature(host: str, environment: Mapping[str, str], *, is_required: bool) -> SignatureV4 | None:
    credentials, region = find_credentials(environment), find_region(host, environment)
    if credentials and region:
        return SignatureV4(credentials, region)
    if not is_required:
        return None
    raise CredentialsMissing(
        "The AWS region is not set. Set AWS_REGION."
        if credentials
        else "AWS credentials are missing. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
    )
