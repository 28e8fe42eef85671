"""Access control: each ApiAuth on an engine that enforces it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, get, run_site, wait_until
from support.thorough import every

from infra.sessions import LOCAL_REGION, local_session
from safelight import Safelight
from safelight.auth import ApiKey, Token
from safelight.errors import ApiError
from safelight.transport.aws_credentials import Credentials
from safelight.transport.signing import SignatureV4

pytestmark = pytest.mark.not_on(
    "localstack", reason="its authorizers accept everyone, and it has no quotas; see docs/engines.md"
)
API_AUTHS = ("iam", "api-key", "cognito")
_NUMBERS = count(1)
head = partial(httpx.head, timeout=HTTP_SECONDS, trust_env=False)


@dataclass(frozen=True)
class ProtectedStack:
    """A stack with one ApiAuth."""

    mode: str
    site: Site

    def create_caller(self) -> httpx.Auth:
        """Create a caller of this stack and return its credentials."""
        return CALLER_FACTORIES[self.mode](self.site, f"caller{next(_NUMBERS)}")

    def client(self, auth: httpx.Auth | None) -> Safelight:
        """Return a client."""
        return Safelight(self.site.stack.api_url, auth=auth, timeout=HTTP_SECONDS)


def create_iam_user(site: Site, name: str) -> httpx.Auth:
    """Create an IAM user that can call every API, and return its credentials."""
    iam = local_session(site.stack.endpoint_url).client("iam")
    iam.create_user(UserName=name)
    allowed = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}'
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=allowed)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return SignatureV4(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), LOCAL_REGION)


def create_api_key(site: Site, name: str) -> httpx.Auth:
    """Create an API key in the usage plan of the stack."""
    gateway = local_session(site.stack.endpoint_url).client("apigateway")
    (plan,) = gateway.get_usage_plans()["items"]
    key = gateway.create_api_key(name=name, enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return ApiKey(key["value"])


def create_cognito_user(site: Site, name: str) -> httpx.Auth:
    """Create a user, sign in as docs/security.md shows, and return the ID token."""
    cognito = local_session(site.stack.endpoint_url).client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    (client,) = cognito.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]
    user, password = f"{name}@example.org", "Correct-horse-42"
    cognito.admin_create_user(UserPoolId=pool["Id"], Username=user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool["Id"], Username=user, Password=password, Permanent=True)
    answer = cognito.initiate_auth(
        ClientId=client["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )
    return Token(answer["AuthenticationResult"]["IdToken"])


CALLER_FACTORIES: dict[str, Callable[[Site, str], httpx.Auth]] = {
    "iam": create_iam_user,
    "api-key": create_api_key,
    "cognito": create_cognito_user,
}
INVALID_CREDENTIALS: dict[str, httpx.Auth] = {
    "iam": SignatureV4(Credentials("AKIASTRANGER0000", "guessed"), LOCAL_REGION),
    "api-key": ApiKey("guessed-guessed-guessed"),
    "cognito": Token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9."),
}


@pytest.fixture(scope="module", params=every(3, API_AUTHS))
def protected(
    request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProtectedStack]:
    """Yield a stack for each ApiAuth."""
    folder, mode = tmp_path_factory.mktemp("access"), str(request.param)
    for site in run_site(folder, engine, {"ApiAuth": mode}):
        yield ProtectedStack(mode, site)


@pytest.mark.parametrize("path", ["jobs", "jobs/01JD9ZK8V4M2Q6X3T5R7W9Y1AB", "health", "openapi.json", "nothing"])
@pytest.mark.parametrize("has_credentials", [False, True], ids=["no credentials", "invalid credentials"])
def test_requests_without_valid_credentials_are_refused(
    protected: ProtectedStack, path: str, has_credentials: bool
) -> None:
    """On every path, with 401 or 403 as a problem document."""
    url = f"{protected.site.stack.api_url}/{path}"
    answer = get(url, auth=INVALID_CREDENTIALS[protected.mode] if has_credentials else None)
    assert answer.status_code in {401, 403}
    assert answer.json()["code"] in {"UNAUTHENTICATED", "FORBIDDEN"}


def test_authorized_caller_can_process_an_image(protected: ProtectedStack, tmp_path: Path) -> None:
    """With the client library, from upload to download."""
    image = tmp_path / "a b+ü.jpg"
    image.write_bytes(sample_images.make_jpeg())
    with protected.client(protected.create_caller()) as safelight:
        job = safelight.wait(safelight.submit(image).id)
        assert (job.status, job.filename) == ("COMPLETED", "a b+ü.jpg")
        safelight.download(job.id, tmp_path / "out.png")
    assert sample_images.decode((tmp_path / "out.png").read_bytes()).format == "PNG"


def test_jobs_of_others_are_not_found(protected: ProtectedStack) -> None:
    """Every request for them gets 404, and no list has them."""
    if protected.mode == "api-key":
        pytest.skip("the embedded engine does not pass the API key to functions; see test_callers.py")
    with protected.client(protected.create_caller()) as owner, protected.client(protected.create_caller()) as other:
        job = owner.wait(owner.submit(sample_images.make_jpeg()).id)
        requests: tuple[Callable[[], Any], ...] = (
            lambda: other.status(job.id),
            lambda: other.result_link(job.id),
            lambda: other.cancel(job.id),
            lambda: other.retry(job.id),
            lambda: other.delete(job.id),
        )
        for request in requests:
            with pytest.raises(ApiError) as refused:
                request()
            assert (refused.value.status, refused.value.code) == (404, "JOB_NOT_FOUND")
        for text in (None, job.filename):
            assert not list(other.list_jobs(filename=text))
            assert [each.id for each in owner.list_jobs(filename=text)] == [job.id]


def test_results_need_a_signed_link(protected: ProtectedStack) -> None:
    """The link works without credentials; a URL without its signature or with another key gets 403."""
    with protected.client(protected.create_caller()) as safelight:
        job = safelight.wait(safelight.submit(sample_images.make_jpeg()).id)
        link = safelight.result_link(job.id).url
    assert get(link).status_code == 200
    address, _, signature = link.partition("?")
    assert get(address).status_code == 403
    assert get(f"{address}x?{signature}").status_code == 403
    assert get(address.partition("/processed/")[0]).status_code == 403


def test_head_leads_to_the_headers_of_the_image(protected: ProtectedStack) -> None:
    """Through the same redirect as GET, but to a link for HEAD, because S3 accepts a link for one method only."""
    auth = protected.create_caller()
    with protected.client(auth) as safelight:
        job = safelight.wait(safelight.submit(sample_images.make_jpeg(), width=64, format="webp").id)
        safelight.assets.put("logo", sample_images.make_jpeg())
        data = get(safelight.result_link(job.id).url).content
    url = protected.site.stack.api_url
    raw_size = len(sample_images.make_jpeg())
    for path, size, kind in (
        (f"jobs/{job.id}/result", len(data), "image/webp"),
        (f"jobs/{job.id}/outputs/image", len(data), "image/webp"),
        (f"jobs/{job.id}/raw", raw_size, "image/jpeg"),
        ("assets/logo/image", raw_size, "image/jpeg"),
    ):
        redirect = head(f"{url}/{path}", auth=auth)
        assert redirect.status_code == 303
        assert not redirect.content
        image = head(redirect.headers["Location"])
        assert (image.status_code, image.headers["Content-Length"], image.headers["Content-Type"]) == (
            200,
            str(size),
            kind,
        )
        assert image.headers["ETag"]
        assert not image.content
        assert get(redirect.headers["Location"]).status_code == 403
        assert get(get(f"{url}/{path}", auth=auth).headers["Location"]).status_code == 200


def test_anyone_can_read_what_an_error_means(protected: ProtectedStack) -> None:
    """The type of a refusal of the gateway or the function is a URL that needs no credentials."""
    base = protected.site.stack.api_url.removesuffix("/v1")
    refused = get(f"{protected.site.stack.api_url}/jobs")
    without_token = get(f"{base}/token/v1/jobs")
    for answer in (refused, without_token):
        error = get(httpx.URL(str(answer.url)).join(answer.json()["type"]))
        assert (error.status_code, error.json()["code"]) == (200, answer.json()["code"])
        assert error.json()["what_to_do"]


def test_a_page_uploads_with_a_token(protected: ProtectedStack) -> None:
    """It needs no credentials of the stack, and it can do nothing else. Without the token, its path is closed."""
    backend_auth = protected.create_caller()
    with protected.client(backend_auth) as backend:
        token = backend.tokens.create(preset="web", max_files=2, tags={"user": "42"})
        with Safelight(token.url, auth=Token(token.token), timeout=HTTP_SECONDS) as page:
            job = page.wait(page.submit(sample_images.make_jpeg()).id)
            assert (job.status, job.tags, job.token_id) == ("COMPLETED", {"user": "42"}, token.id)
            assert job.links["self"].startswith(token.url)
            assert get(page.result_link(job.id).url).status_code == 200
            direct = page.wait(page.uploads.upload(sample_images.make_jpeg(), filename="b.jpg").id)
            assert (direct.status, direct.token_id) == ("COMPLETED", token.id)
            expect_error(lambda: page.submit(sample_images.make_jpeg()), 429, "TOKEN_USED_UP")
            expect_error(lambda: list(page.list_jobs()), 403, "TOKEN_FORBIDDEN")
            expect_error(page.tokens.create, 403, "TOKEN_FORBIDDEN")
            assert {each.id for each in backend.list_jobs()} >= {job.id, direct.id}
            wait_until(lambda: token.id in {each.id for each in backend.tokens.list()})
            assert backend.tokens.get(token.id).files == 2
            backend.tokens.revoke(token.id)
            expect_error(lambda: page.status(job.id), 401, "TOKEN_REVOKED")
        for auth in (None, backend_auth, INVALID_CREDENTIALS[protected.mode]):
            with Safelight(token.url, auth=auth, timeout=HTTP_SECONDS) as stranger:
                expect_error(lambda: list(stranger.list_jobs()), 401, "TOKEN_INVALID")
    with protected.client(Token(token.token)) as other_path, pytest.raises(ApiError) as refused:
        list(other_path.list_jobs())
    assert refused.value.status in {401, 403}


def expect_error(request: Callable[[], Any], status: int, code: str) -> None:
    """Send a request, which must be refused."""
    with pytest.raises(ApiError) as refused:
        request()
    assert (refused.value.status, refused.value.code) == (status, code)


def test_no_operators_by_default(protected: ProtectedStack) -> None:
    """Without OPERATORS, dead letters are refused for everyone."""
    with protected.client(protected.create_caller()) as safelight, pytest.raises(ApiError) as refused:
        list(safelight.dead_letters())
    assert refused.value.status == 403


#: Requests that a key may send at once and on a day, and that all callers together may send at once.
LIMITS = {"KeyBurst": "3", "KeyRate": "1", "KeyDailyQuota": "5", "ThrottleBurst": "10", "ThrottleRate": "1"}
#: Requests at the same time. The engine starts a process of the function for each.
PARALLEL = 4
#: Seconds after which a refused caller may try again: above a rate, and above a quota.
RATE, QUOTA = "1", "3600"


def send_until_refused(http: httpx.Client, retry_after: str, callers: Iterator[httpx.Auth]) -> httpx.Response:
    """Send requests in parallel, each from the next caller, until one is refused for this reason. Return that response.

    One after the other, the requests of a slow machine would not exceed a rate.
    """
    refused: list[httpx.Response] = []

    def is_refused() -> bool:
        answers = list(threads.map(lambda caller: http.get("jobs", auth=caller), islice(callers, PARALLEL)))
        assert {answer.status_code for answer in answers} <= {200, 429}
        limited = [answer for answer in answers if answer.status_code == 429]
        refused.extend(answer for answer in limited if answer.headers["Retry-After"] == retry_after)
        return bool(refused)

    with ThreadPoolExecutor(PARALLEL) as threads:
        wait_until(is_refused)
    return refused[0]


@pytest.mark.thorough
def test_limits_apply_per_api_key_and_to_the_stage(engine: str, tmp_path: Path) -> None:
    """A key over its rate or quota gets a retryable 429, and others do not. Above the limit of the stage, all do."""
    for site in run_site(tmp_path, engine, {"ApiAuth": "api-key", **LIMITS}):
        names = map(str, count())
        limited, other = (create_api_key(site, next(names)) for _ in range(2))
        # The client of the site would repeat a request that is refused.
        with httpx.Client(base_url=f"{site.stack.api_url}/", timeout=HTTP_SECONDS, trust_env=False) as http:
            assert [http.get("jobs", auth=limited).status_code for _ in range(3)] == [200] * 3
            for reason in (RATE, QUOTA):
                answer = send_until_refused(http, reason, repeat(limited))
                assert (answer.json()["code"], answer.json()["retriable"]) == ("TOO_MANY_REQUESTS", True)
                assert http.get("jobs", auth=other).status_code == 200
            # The first request of a key does not exceed a limit of that key.
            send_until_refused(http, RATE, map(create_api_key, repeat(site), names))


def test_preflight_needs_no_credentials(protected: ProtectedStack) -> None:
    """The response has no body."""
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{protected.site.stack.api_url}/jobs", headers=headers, timeout=HTTP_SECONDS)
    assert answer.status_code in {200, 204}
    assert not answer.content
