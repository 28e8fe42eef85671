"""Who may call: each ApiAuth on an engine that holds callers to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import Site, running_site, until

from infra.sessions import LOCAL_REGION, local_session
from safelight import Safelight
from safelight.auth import ApiKey, Token
from safelight.errors import ApiError
from safelight.transport.aws_credentials import Credentials
from safelight.transport.signing import Signed

pytestmark = pytest.mark.not_on(
    "localstack", reason="it lets everyone pass every authorizer, and has no quota; see docs/engines.md"
)
MODES = ("iam", "api-key", "cognito")
_NUMBERS = count(1)


@dataclass(frozen=True)
class Door:
    """A stack with one way of access, and how its callers come by theirs."""

    mode: str
    site: Site

    def caller(self) -> httpx.Auth:
        """Make one more caller of this stack."""
        return NEW_CALLER[self.mode](self.site, f"caller{next(_NUMBERS)}")

    def client(self, auth: httpx.Auth | None) -> Safelight:
        """Call the API as somebody, without patience."""
        return Safelight(self.site.stack.api_url, auth=auth, retries=0)


def new_user(site: Site, name: str) -> httpx.Auth:
    """Make an IAM user who may call every API, and its keys."""
    iam = local_session(site.stack.endpoint_url).client("iam")
    iam.create_user(UserName=name)
    allowed = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}'
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=allowed)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return Signed(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), LOCAL_REGION)


def new_key(site: Site, name: str) -> httpx.Auth:
    """Make a key and put it into the stack's usage plan."""
    gateway = local_session(site.stack.endpoint_url).client("apigateway")
    (plan,) = gateway.get_usage_plans()["items"]
    key = gateway.create_api_key(name=name, enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return ApiKey(key["value"])


def new_account(site: Site, name: str) -> httpx.Auth:
    """Make a user of the stack's pool, log in as docs/security.md says, and take the ID token."""
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


NEW_CALLER: dict[str, Callable[[Site, str], httpx.Auth]] = {"iam": new_user, "api-key": new_key, "cognito": new_account}
STRANGERS: dict[str, httpx.Auth] = {
    "iam": Signed(Credentials("AKIASTRANGER0000", "guessed"), LOCAL_REGION),
    "api-key": ApiKey("guessed-guessed-guessed"),
    "cognito": Token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9."),
}


@pytest.fixture(scope="module", params=MODES)
def door(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Return a stack for each way of access."""
    folder, mode = tmp_path_factory.mktemp("door"), str(request.param)
    for site in running_site(folder, engine, {"ApiAuth": mode}):
        yield Door(mode, site)


@pytest.mark.parametrize("path", ["jobs", "jobs/01JD9ZK8V4M2Q6X3T5R7W9Y1AB", "health", "openapi.json", "nothing"])
@pytest.mark.parametrize("known", [False, True], ids=["nobody", "a stranger"])
def test_no_credentials_no_answer(door: Door, path: str, known: bool) -> None:
    """Whoever brings nothing, or something made up, gets 401 or 403 as a problem document, on every path."""
    url = f"{door.site.stack.api_url}/{path}"
    answer = httpx.get(url, auth=STRANGERS[door.mode] if known else None)
    assert answer.status_code in {401, 403}
    assert answer.json()["code"] in {"UNAUTHENTICATED", "FORBIDDEN"}


def test_a_caller_works_as_usual(door: Door, tmp_path: Path) -> None:
    """With its own credentials a caller's image goes in and comes out, by the client's own means."""
    picture = tmp_path / "a b+ü.jpg"
    picture.write_bytes(sample_images.jpeg())
    with door.client(door.caller()) as safelight:
        job = safelight.wait(safelight.submit(picture).id)
        assert (job.status, job.filename) == ("COMPLETED", "a b+ü.jpg")
        safelight.download(job.id, tmp_path / "out.png")
    assert sample_images.opened((tmp_path / "out.png").read_bytes()).format == "PNG"


def test_other_peoples_jobs_do_not_exist(door: Door) -> None:
    """To everybody but its owner a job is 404 whatever is asked of it, and in no list."""
    if door.mode == "api-key":
        pytest.skip("the embedded engine tells no function which key was used; test_callers.py says the rest")
    with door.client(door.caller()) as owner, door.client(door.caller()) as other:
        job = owner.wait(owner.submit(sample_images.jpeg()).id)
        asked: tuple[Callable[[], Any], ...] = (
            lambda: other.status(job.id),
            lambda: other.result_link(job.id),
            lambda: other.cancel(job.id),
            lambda: other.retry(job.id),
            lambda: other.delete(job.id),
        )
        for ask in asked:
            with pytest.raises(ApiError) as refused:
                ask()
            assert (refused.value.status, refused.value.code) == (404, "JOB_NOT_FOUND")
        assert not list(other.list_jobs())
        assert [each.id for each in owner.list_jobs()] == [job.id]


def test_results_are_reached_by_their_link_alone(door: Door) -> None:
    """The link needs no credentials; without its signature, or with another object's, the bucket says 403."""
    with door.client(door.caller()) as safelight:
        job = safelight.wait(safelight.submit(sample_images.jpeg()).id)
        link = safelight.result_link(job.id).url
    assert httpx.get(link).status_code == 200
    address, _, signature = link.partition("?")
    assert httpx.get(address).status_code == 403
    assert httpx.get(f"{address}x?{signature}").status_code == 403
    assert httpx.get(address.partition("/processed/")[0]).status_code == 403


def test_nobody_is_an_operator_until_named(door: Door) -> None:
    """Dead letters are for operators, and a closed stack has none unless its deployment names them."""
    with door.client(door.caller()) as safelight, pytest.raises(ApiError) as refused:
        list(safelight.dead_letters())
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("limit", "code"),
    [({"KeyDailyQuota": "3"}, "TOO_MANY_REQUESTS"), ({"KeyBurst": "3", "KeyRate": "1"}, "TOO_MANY_REQUESTS")],
    ids=["quota", "burst"],
)
def test_one_caller_over_its_limit_does_not_slow_others(
    engine: str, tmp_path: Path, limit: dict[str, str], code: str
) -> None:
    """A key over its quota or its rate gets 429, as a problem that may be retried; other keys go on."""
    for site in running_site(tmp_path, engine, {"ApiAuth": "api-key", **limit}):
        door = Door("api-key", site)
        greedy, modest = door.caller(), door.caller()
        answers = [httpx.get(f"{site.stack.api_url}/jobs", auth=greedy, timeout=60) for _ in range(6)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        assert answers[-1].status_code == 429
        assert (answers[-1].json()["code"], answers[-1].json()["retriable"]) == (code, True)
        assert httpx.get(f"{site.stack.api_url}/jobs", auth=modest, timeout=60).status_code == 200


def test_the_whole_api_has_a_limit(engine: str, tmp_path: Path) -> None:
    """Beyond the stage's own limit everybody gets 429."""
    parameters = {"ThrottleBurst": "5", "ThrottleRate": "1"}

    def is_throttled(site: Site) -> bool:
        return httpx.get(f"{site.stack.api_url}/jobs", timeout=60).status_code == 429

    for site in running_site(tmp_path, engine, parameters):
        until(lambda site=site: is_throttled(site))  # type: ignore[misc]


def test_a_browser_may_ask_first(door: Door) -> None:
    """However closed the API is, a preflight question gets its answer, and nothing else."""
    question = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{door.site.stack.api_url}/jobs", headers=question)
    assert answer.status_code in {200, 204}
    assert not answer.content
