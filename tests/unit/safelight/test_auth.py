"""Which proof of identity the command sends, and where it comes from."""

from pathlib import Path

import httpx
import pytest

from safelight.auth import ApiKey, Token, find_auth
from safelight.client import Safelight
from safelight.errors import ApiError, CredentialsMissing
from safelight.transport.aws_credentials import Credentials, find_credentials, find_region
from safelight.transport.signing import SignatureV4

GATEWAY = "https://abc123.execute-api.eu-central-1.amazonaws.com/prod/v1"
LOCAL = "http://127.0.0.1:4566/_aws/execute-api/abc123/prod/v1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "HOME": "/nowhere"}
NOTHING = {"HOME": "/nowhere"}


@pytest.mark.parametrize(
    ("api_url", "environment", "expected"),
    [
        (LOCAL, NOTHING, type(None)),
        (LOCAL, KEYS, type(None)),
        (LOCAL, {**KEYS, "SAFELIGHT_API_KEY": "k"}, ApiKey),
        (LOCAL, {"SAFELIGHT_TOKEN": "t"}, Token),
        (LOCAL, {**KEYS, "SAFELIGHT_AUTH": "iam", "AWS_REGION": "us-east-1"}, SignatureV4),
        (GATEWAY, KEYS, SignatureV4),
        (GATEWAY, {**KEYS, "SAFELIGHT_API_KEY": "k"}, ApiKey),
        (GATEWAY, {**KEYS, "SAFELIGHT_API_KEY": "k", "SAFELIGHT_AUTH": "iam"}, SignatureV4),
        (GATEWAY, {**KEYS, "SAFELIGHT_AUTH": "none"}, type(None)),
        (GATEWAY, NOTHING, type(None)),
        (f"https://{'abc.execute-api.eu-central-1.amazonaws.com'}.evil.test/v1", KEYS, type(None)),
    ],
)
def test_authentication_depends_on_environment_and_host(
    api_url: str, environment: dict[str, str], expected: type
) -> None:
    """API keys and tokens come first. AWS credentials are used only for API Gateway or if required."""
    assert type(find_auth(api_url, environment)) is expected


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({**NOTHING, "SAFELIGHT_AUTH": "iam"}, "AWS_ACCESS_KEY_ID"),
        ({**KEYS, "SAFELIGHT_AUTH": "iam"}, "AWS_REGION"),
        ({**NOTHING, "SAFELIGHT_AUTH": "basic"}, "basic"),
        ({**NOTHING, "SAFELIGHT_AUTH": "iam", "AWS_PROFILE": "mine"}, "mine"),
    ],
)
def test_missing_credentials_are_named(environment: dict[str, str], word: str) -> None:
    """The error names the variable to set."""
    with pytest.raises(CredentialsMissing, match=word):
        find_auth(LOCAL, environment)


def test_credentials_are_read_from_a_profile(tmp_path: Path) -> None:
    """Without keys in the environment, the keys of the selected profile are used."""
    home = tmp_path / ".aws"
    home.mkdir()
    (home / "credentials").write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = %s\n"
        "[other]\naws_access_key_id = B\naws_secret_access_key = b\naws_session_token = t\n"
    )
    environment = {"HOME": str(tmp_path)}
    assert find_credentials(environment) == Credentials("A", "%s")
    assert find_credentials({**environment, "AWS_PROFILE": "other"}) == Credentials("B", "b", "t")
    with pytest.raises(CredentialsMissing):
        find_credentials({**environment, "AWS_PROFILE": "third"})


@pytest.mark.parametrize(
    ("auth", "advice"),
    [
        (None, "The request had no credentials. Set SAFELIGHT_API_KEY"),
        (ApiKey("k-1"), "Check the API key (SAFELIGHT_API_KEY)"),
        (Token("t-1"), "Check the token (SAFELIGHT_TOKEN)"),
        (SignatureV4(Credentials("A", "a"), "eu-west-1"), "needs the permission execute-api:Invoke"),
    ],
    ids=["none", "key", "token", "signature"],
)
def test_a_refusal_says_what_to_check(auth: httpx.Auth | None, advice: str) -> None:
    """API Gateway does not say why it refuses credentials. The routes for operators do, and get no advice."""
    details = iter(["The caller is not allowed to do this.", "Only operators can do this."])

    def answer(_: httpx.Request) -> httpx.Response:
        title = "The caller is not allowed to do this."
        return httpx.Response(403, json={"code": "FORBIDDEN", "title": title, "detail": next(details)})

    with Safelight(LOCAL, transport=httpx.MockTransport(answer), auth=auth) as safelight:
        with pytest.raises(ApiError) as gateway:
            safelight.status("JOB")
        with pytest.raises(ApiError) as operators:
            safelight.status("JOB")
    assert advice in str(gateway.value)
    assert "k-1" not in str(gateway.value)
    assert "t-1" not in str(gateway.value)
    assert str(operators.value) == "Only operators can do this."


def test_region_is_read_from_the_gateway_host() -> None:
    """The host says which region signs; the environment does where it can't."""
    assert find_region("a.execute-api.eu-west-1.amazonaws.com", {"AWS_REGION": "us-east-1"}) == "eu-west-1"
    assert find_region("photos.example.org", {"AWS_DEFAULT_REGION": "us-east-2"}) == "us-east-2"


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [(ApiKey("k-1"), "X-Api-Key", "k-1"), (Token("t-1"), "Authorization", "Bearer t-1")],
)
def test_links_are_requested_without_credentials(auth: httpx.Auth, header: str, value: str, tmp_path: Path) -> None:
    """The API is shown the key or token; the store that a link leads to is not."""
    seen: dict[str, str | None] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen[request.url.host] = request.headers.get(header)
        if request.url.host == "store.test":
            return httpx.Response(200, content=b"pixels")
        link = {
            "url": "http://store.test/x",
            "expires_at": "2026-11-22T16:34:00.000Z",
            "media_type": "image/png",
            "size": 6,
            "filename": "x.png",
        }
        return httpx.Response(200, json=link)

    with Safelight("http://api.test/v1", transport=httpx.MockTransport(answer), auth=auth) as safelight:
        safelight.download("JOB", tmp_path / "x.png")
    assert seen == {"api.test": value, "store.test": None}
