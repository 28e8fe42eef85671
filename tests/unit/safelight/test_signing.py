"""Signature Version 4, compared with botocore."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from safelight.transport.aws_credentials import Credentials
from safelight.transport.signing import SignatureV4

HOST = "abc123.execute-api.eu-central-1.amazonaws.com"
KEYS = Credentials("AKIDEXAMPLE", "a/secret+key")
TEMPORARY = Credentials("ASIAEXAMPLE", "another", "a/token==")


def signed(request: httpx.Request, keys: Credentials, moment: str) -> httpx.Request:
    """Sign as the client does, at a given time."""
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    auth = SignatureV4(keys, "eu-central-1", clock=lambda: at)
    return next(auth.sync_auth_flow(request))


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.lists(st.text(min_size=1, max_size=8).map(lambda part: quote(part, safe="", errors="replace")), max_size=4),
    query=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
    body=st.binary(max_size=64),
    keys=st.sampled_from([KEYS, TEMPORARY]),
)
def test_signatures_match_botocore(
    method: str, path: list[str], query: dict[str, str], body: bytes, keys: Credentials
) -> None:
    """For any method, path, query, body and keys."""
    parts = [part for part in path if part not in {".", ".."}]  # which a URL swallows
    url = f"https://{HOST}/prod/v1/{'/'.join(parts)}"
    if query:
        url += "?" + urlencode(query, quote_via=quote, safe="", errors="replace")
    theirs = AWSRequest(method, url, data=body, headers={"Host": HOST})
    SigV4Auth(
        BotocoreCredentials(keys.key_id, keys.secret, keys.session_token), "execute-api", "eu-central-1"
    ).add_auth(theirs)
    ours = signed(httpx.Request(method, url, content=body), keys, theirs.headers["X-Amz-Date"])
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
    assert ours.headers.get("X-Amz-Security-Token") == keys.session_token


def test_signature_covers_a_streamed_body() -> None:
    """A file that is read in pieces is signed by its content."""
    moment = "20261122T120000Z"
    pieces = httpx.Request("POST", f"https://{HOST}/prod/v1/jobs", content=iter([b"ab", b"cd"]))
    whole = httpx.Request("POST", f"https://{HOST}/prod/v1/jobs", content=b"abcd")
    assert signed(pieces, KEYS, moment).headers["Authorization"] == signed(whole, KEYS, moment).headers["Authorization"]
    assert pieces.content == b"abcd"


def test_repr_contains_no_secrets() -> None:
    """Tracebacks and logs show no secret."""
    assert "another" not in repr(TEMPORARY)
    assert "token" not in repr(TEMPORARY).replace("session_token", "")


@pytest.mark.parametrize("changed", [{"method": "DELETE"}, {"url": f"https://{HOST}/prod/v1/other"}, {"content": b"c"}])
def test_signature_depends_on_every_part_of_the_request(changed: dict[str, object]) -> None:
    """It is valid for one request only."""
    request = {"method": "POST", "url": f"https://{HOST}/prod/v1/jobs", "content": b"b"}
    moment = "20261122T120000Z"
    signatures = {
        signed(httpx.Request(**each), KEYS, moment).headers["Authorization"] for each in (request, request | changed)
    }
    assert len(signatures) == 2
