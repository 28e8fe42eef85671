"""``safelight delete --all``: what is deleted, the statement, and interruptions."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result
from unit.safelight.conftest import API_URL, FakeTime, problem

from safelight.cli import owner_deletion
from safelight.cli.owner_deletion import delete_owner
from safelight.client import Safelight
from safelight.errors import ClientError, LocalFileError

Invoke = Callable[..., Result]
COUNT = 25


class Killed(BaseException):
    """The process is killed."""


@dataclass
class OwnerApi:
    """An API with jobs and other objects of one caller, which keeps the statements of deleted jobs."""

    jobs: dict[str, dict[str, str]] = field(default_factory=lambda: {f"J{number:03}": {} for number in range(COUNT)})
    names: dict[str, list[str]] = field(
        default_factory=lambda: {"presets": ["card"], "assets": ["logo"], "webhooks": ["shop"]}
    )
    tokens: dict[str, str] = field(default_factory=lambda: {"T1": "ACTIVE", "T2": "EXPIRED"})
    watches: list[str] = field(default_factory=lambda: ["W1"])
    batches: dict[str, bool] = field(default_factory=lambda: {"B1": False, "B2": True})
    statements: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Jobs whose deletion is refused.
    refused: set[str] = field(default_factory=set)
    #: Called after each deletion of a job on the server, before its response.
    after_deletion: Callable[[], None] = lambda: None
    deletions: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:  # noqa: C901, PLR0911 - the routes
        """Handle a request."""
        parts = request.url.path.removeprefix("/v1/").split("/")
        match request.method, parts:
            case "GET", ["jobs"]:
                return self._list_jobs(request.url.params)
            case "DELETE", ["jobs", job_id]:
                return self._delete_job(job_id)
            case "GET", ["watches"]:
                return httpx.Response(200, json={"watches": [{"id": each, "state": "active"} for each in self.watches]})
            case "DELETE", ["watches", watch_id]:
                self.watches.remove(watch_id)
                return httpx.Response(204)
            case "GET", ["tokens"]:
                found = [{"id": each, "state": state} for each, state in self.tokens.items()]
                return httpx.Response(200, json={"tokens": found, "next_cursor": None})
            case "DELETE", ["tokens", token_id]:
                self.tokens[token_id] = "REVOKED"
                return httpx.Response(200, json={"id": token_id, "state": "REVOKED"})
            case "GET", ["batches"]:
                batches = [{"id": each, "done": done} for each, done in self.batches.items()]
                return httpx.Response(200, json={"batches": batches, "next_cursor": None})
            case "POST", ["batches", batch_id, "cancel"]:
                self.batches[batch_id] = True
                return httpx.Response(200, json={"id": batch_id, "done": True, "remaining": 0})
            case "GET", [kind]:
                own = [{"name": name, "version": 1, "built_in": False} for name in self.names[kind]]
                built_in = [{"name": "web", "version": 1, "built_in": True}] if kind == "presets" else []
                return httpx.Response(200, json={kind: built_in + own, "next_cursor": None})
            case _, [kind, name]:
                self.names[kind].remove(name)
                return httpx.Response(204)
        return problem(404, "NOT_FOUND", "No such path.")

    def _list_jobs(self, query: httpx.QueryParams) -> httpx.Response:
        ids = sorted(each for each in self.jobs if each > query.get("cursor", ""))
        page = ids[:7]
        jobs = [{"id": each, "status": "COMPLETED", "done": True, "tags": self.jobs[each]} for each in page]
        return httpx.Response(200, json={"jobs": jobs, "next_cursor": page[-1] if len(ids) > 7 else None})

    def _delete_job(self, job_id: str) -> httpx.Response:
        if job_id in self.refused:
            return problem(409, "JOB_BUSY", "The job is busy.")
        if job_id in self.jobs:
            del self.jobs[job_id]
            self.deletions.append(job_id)
            self.statements[job_id] = {"id": job_id, "objects": [], "object_count": 2, "bytes": 100}
            self.after_deletion()
        return httpx.Response(200, json=self.statements[job_id])


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> OwnerApi:
    """Return an API with jobs, and small pages."""
    monkeypatch.setattr(owner_deletion, "PAGE_SIZE", 10)
    return OwnerApi()


def connect(owner: OwnerApi) -> Safelight:
    """Return a client."""
    return Safelight(API_URL, transport=httpx.MockTransport(owner), timing=FakeTime().timing())


def test_everything_is_deleted_and_stated(owner: OwnerApi, tmp_path: Path) -> None:
    """Jobs, presets, assets and webhooks. Watches, tokens and batches end first, so that no jobs are added."""
    path = tmp_path / "statement.json"
    document = delete_owner(connect(owner), path, {})
    assert (owner.jobs, owner.names) == ({}, {"presets": [], "assets": [], "webhooks": []})
    assert (owner.tokens["T1"], owner.batches["B1"], owner.watches) == ("REVOKED", True, [])
    assert json.loads(path.read_text()) == document
    assert sorted(each["id"] for each in document["jobs"]) == sorted(owner.statements)
    assert (document["job_count"], document["object_count"], document["bytes"]) == (COUNT, 2 * COUNT, 100 * COUNT)
    expected = {
        "presets": ["card"],
        "assets": ["logo"],
        "webhooks": ["shop"],
        "revoked_tokens": ["T1"],
        "cancelled_batches": ["B1"],
        "watches": ["W1"],
    }
    assert document.items() >= expected.items()
    assert document["complete"]
    assert [each.name for each in tmp_path.iterdir()] == ["statement.json"]


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_statement_is_complete_after_a_kill(owner: OwnerApi, tmp_path: Path, number: int) -> None:
    """Whichever job was deleted last: the server has deleted it, and the response is lost."""

    def kill() -> None:
        if len(owner.deletions) == number:
            raise Killed

    owner.after_deletion = kill
    path = tmp_path / "statement.json"
    with pytest.raises(Killed):
        delete_owner(connect(owner), path, {})
    owner.after_deletion = lambda: None
    document = delete_owner(connect(owner), path, {})
    assert sorted(each["id"] for each in document["jobs"]) == sorted(owner.statements)
    assert document["object_count"] == 2 * COUNT
    assert document["revoked_tokens"] == ["T1"]
    assert not owner.jobs


def test_incomplete_line_of_a_killed_run_is_ignored(owner: OwnerApi, tmp_path: Path) -> None:
    """The job is deleted again, which returns the same."""
    owner.refused = {"J003"}
    path = tmp_path / "s.json"
    delete_owner(connect(owner), path, {})
    part = tmp_path / "s.json.part"
    part.write_text(part.read_text() + '{"kind": "job", "id": "J00')
    owner.refused = set()
    document = delete_owner(connect(owner), path, {})
    assert (document["job_count"], document["complete"]) == (COUNT, True)


def test_jobs_that_are_created_meanwhile_are_deleted(owner: OwnerApi, tmp_path: Path) -> None:
    """Also those that sort before the position of the listing."""

    def create() -> None:
        if len(owner.deletions) == 15:
            owner.jobs["A000"] = {}

    owner.after_deletion = create
    assert delete_owner(connect(owner), tmp_path / "s.json", {})["job_count"] == COUNT + 1
    assert not owner.jobs


def test_tag_selects_jobs(owner: OwnerApi, tmp_path: Path) -> None:
    """Nothing else is deleted, revoked or cancelled."""
    owner.jobs |= {"J003": {"user": "42"}, "J021": {"user": "42", "a": "b"}, "J022": {"user": "4"}}
    document = delete_owner(connect(owner), tmp_path / "s.json", {"user": "42"})
    assert sorted(each["id"] for each in document["jobs"]) == ["J003", "J021"]
    assert len(owner.jobs) == COUNT - 2
    assert (owner.names["presets"], owner.tokens["T1"], owner.batches["B1"]) == (["card"], "ACTIVE", False)


def test_refused_job_does_not_stop_the_others(owner: OwnerApi, tmp_path: Path) -> None:
    """The next run tries it again."""
    owner.refused = {"J003"}
    path = tmp_path / "s.json"
    document = delete_owner(connect(owner), path, {})
    assert (document["complete"], document["job_count"]) == (False, COUNT - 1)
    assert [(each["id"], each["code"]) for each in document["failed"]] == [("J003", "JOB_BUSY")]
    owner.refused = set()
    assert delete_owner(connect(owner), path, {})["job_count"] == COUNT


def test_unavailable_api_stops_the_deletion(owner: OwnerApi, tmp_path: Path) -> None:
    """The jobs are not reported as failed."""
    client = Safelight(API_URL, transport=httpx.MockTransport(lambda _request: httpx.Response(503)), retries=0)
    with pytest.raises(ClientError):
        delete_owner(client, tmp_path / "s.json", {"user": "42"})
    assert not (tmp_path / "s.json").exists()
    assert len(owner.jobs) == COUNT


def test_statement_is_never_replaced_by_another(owner: OwnerApi, tmp_path: Path) -> None:
    """A complete statement, and the progress of another deletion."""
    path = tmp_path / "s.json"
    delete_owner(connect(owner), path, {})
    with pytest.raises(LocalFileError, match="exists"):
        delete_owner(connect(owner), path, {})
    (tmp_path / "t.json.part").write_text(
        '{"kind": "start", "started_at": "x", "api_url": "http://other", "tags": {}}\n'
    )
    with pytest.raises(LocalFileError, match="another deletion"):
        delete_owner(connect(owner), tmp_path / "t.json", {})


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all",),
        ("J", "--all", "--statement", "s"),
        ("J", "--statement", "s"),
        ("--all", "--statement", "s", "--tag", "x"),
    ],
)
def test_invalid_combinations_delete_nothing(invoke: Invoke, api: Any, arguments: tuple[str, ...]) -> None:
    """The exit code is 2."""
    assert invoke("delete", *arguments, "--yes").exit_code == 2
    assert not api.requests


def test_deletion_of_everything_is_confirmed(invoke: Invoke, api: Any) -> None:
    """Without an answer, nothing is deleted."""
    assert invoke("delete", "--all", "--statement", "s.json").exit_code == 1
    assert not api.requests


def test_existing_statement_is_no_interruption(invoke: Invoke, api: Any, tmp_path: Path) -> None:
    """The message says to choose another file, and not to repeat the command."""
    (tmp_path / "s.json").write_text("{}")
    result = invoke("delete", "--all", "--statement", str(tmp_path / "s.json"), "--yes")
    assert (result.exit_code, result.stderr.strip().rpartition(" ")[2]) == (2, "statement.")
    assert "run the same command" not in result.stderr
    assert not api.requests
