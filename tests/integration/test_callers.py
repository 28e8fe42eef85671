"""Callers of each kind of gateway, and their jobs kept apart."""

from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Cloud

from shared.jobs.job import ANONYMOUS

#: Owner, and the gateway's facts about the caller, by AWS's names in the proxy event.
CALLERS: dict[str, dict[str, Any]] = {
    "iam:arn:aws:iam::1:user/ann": {"identity": {"userArn": "arn:aws:iam::1:user/ann"}},
    "iam:arn:aws:sts::1:assumed-role/App": {"identity": {"userArn": "arn:aws:sts::1:assumed-role/App/session-1"}},
    "key:k1": {"identity": {"apiKeyId": "k1", "apiKey": "secret-1"}},
    "key:k2": {"identity": {"apiKeyId": "k2", "apiKey": "secret-2"}},
    "sub:u1": {"authorizer": {"claims": {"sub": "u1", "email": "ann@example.org"}}},
    "sub:u2": {"authorizer": {"claims": {"sub": "u2", "email": "ann@example.org"}}},
    ANONYMOUS: {},
}


@pytest.mark.parametrize(("owner", "identity"), CALLERS.items(), ids=CALLERS)
def test_owner_is_the_verified_caller(cloud: Cloud, owner: str, identity: dict[str, Any]) -> None:
    """User, role, key or account: the record contains the verified owner and no secret."""
    job = cloud.submit(sample_images.make_jpeg(), **identity)
    assert cloud.job(job["id"]).owner == owner
    assert "secret" not in str(cloud.item(job["id"]))


def test_another_session_is_the_same_caller(cloud: Cloud) -> None:
    """A role finds its jobs in every session."""
    first, second = ({"userArn": f"arn:aws:sts::1:assumed-role/App/{name}"} for name in ("a", "b"))
    job = cloud.submit(sample_images.make_jpeg(), identity=first)
    assert cloud.call("GET", f"/v1/jobs/{job['id']}", identity=second).status == 200


def test_callers_are_kept_apart(cloud: Cloud) -> None:
    """Another caller's job gets 404 on each route and is in no listing."""
    jobs = {owner: cloud.submit(sample_images.make_jpeg(), **identity)["id"] for owner, identity in CALLERS.items()}
    for owner, identity in CALLERS.items():
        listed = [job["id"] for job in cloud.call("GET", "/v1/jobs", **identity).json["jobs"]]
        assert listed == [jobs[owner]]
        for other in (job_id for whose, job_id in jobs.items() if whose != owner):
            for method, path in (
                ("GET", other),
                ("GET", f"{other}/result"),
                ("GET", f"{other}/outputs/image"),
                ("POST", f"{other}/cancel"),
                ("POST", f"{other}/retry"),
                ("DELETE", other),
            ):
                answer = cloud.call(method, f"/v1/jobs/{path}", **identity)
                assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND"), (owner, method, path)


@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization", "X-Amzn-Owner", "X-Forwarded-User"])
def test_identity_in_headers_is_ignored(cloud: Cloud, header: str) -> None:
    """Only the identity that the gateway verified counts."""
    mine = cloud.submit(sample_images.make_jpeg(), **CALLERS["key:k1"])
    answer = cloud.call("GET", f"/v1/jobs/{mine['id']}", headers={header: "k1"})
    assert answer.status == 404
