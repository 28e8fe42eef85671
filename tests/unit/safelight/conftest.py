"""A fake API, a fake clock, and the client and command that use them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.wiring import Wiring
from safelight.client import Safelight
from safelight.transport.timing import Timing

API_URL = "http://api.test/v1"
STORE_URL = "http://store.test"
FACTS = {"width": 2, "height": 1, "palette": ["#ff0000", "#0000ff"], "camera": {"model": "EOS \x1b[31m"}, "gps": None}
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class FakeTime:
    """A clock that advances instead of waiting."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.slept.append(seconds)
        self.now += seconds

    def timing(self) -> Timing:
        """Return the clock for the client, without jitter."""
        return Timing(sleep=self.sleep, monotonic=lambda: self.now, jitter=lambda: 0.0)


def problem(status: int, code: str, detail: str, **more: Any) -> httpx.Response:
    """Return an error as the API returns it."""
    document = {"type": "about:blank", "title": "Title.", "status": status, "detail": detail, "code": code, **more}
    return httpx.Response(status, content=json.dumps(document), headers={"Content-Type": "application/problem+json"})


@dataclass
class FakeApi:
    """The API. Jobs are done after the first request for their status."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    #: Responses to the next requests, before all others.
    answers: list[httpx.Response | BaseException] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    #: Findings of the verification: objects and states.
    findings: list[tuple[str, str]] = field(default_factory=list)
    #: Size in bytes in links.
    promised: int | None = None
    #: Whether the store has lost all objects.
    is_emptied: bool = False
    #: Whether files that are not images are accepted.
    forgiving: bool = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request."""
        self.requests.append(request)
        self.bodies.append(request.read())
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer
        if request.url.host == "store.test" and self.is_emptied:
            return httpx.Response(404)
        if request.url.host == "store.test":
            return httpx.Response(200, content=b"pixels of " + request.url.path.encode())
        return self._route(request, request.url.path.removeprefix("/v1/").split("/"))

    def _route(self, request: httpx.Request, parts: list[str]) -> httpx.Response:  # noqa: PLR0911 - the API's routes
        match request.method, parts:
            case "POST", ["jobs"]:
                return self._create(request)
            case "GET", ["jobs"]:
                return self._list(request)
            case "GET", ["health"]:
                return httpx.Response(200, json={"status": "ok", "version": "1"})
            case "GET", ["jobs", job_id, *rest] if job_id in self.jobs:
                return self._job(job_id, rest)
            case "POST", ["jobs", job_id, action] if job_id in self.jobs:
                return self._act(job_id, action)
            case "DELETE", ["jobs", job_id] if self.jobs.pop(job_id, None):
                gone = {"key": f"raw/api/{job_id}", "size": 1200, "digest": "d"}
                return httpx.Response(200, json={"id": job_id, "objects": [gone], "object_count": 1, "bytes": 1200})
            case "GET", ["dead-letters"]:
                return self._dead_letters(request)
            case "POST", ["dead-letters", "redrive"]:
                return self._redrive(json.loads(self.bodies[-1]))
            case _:
                return problem(404, "JOB_NOT_FOUND", "The job does not exist.", request_id="r-1")

    def verify(
        self,
        document: dict[str, Any],
        raw: bytes | None,
        outputs: Mapping[str, bytes | None],
        assets: Mapping[str, bytes],
    ) -> list[Any]:
        """Return the prepared findings, and one for the raw image."""
        assert [each["name"] for each in document["receipt"]["outputs"]] == [*outputs]
        assert not assets
        found = [*self.findings, ("raw", "missing" if raw is None else "same")]
        return [SimpleNamespace(what=what, state=state, detail="why") for what, state in found]

    def _create(self, request: httpx.Request) -> httpx.Response:
        if self.bodies[-1].startswith(b"no picture"):
            return problem(415, "UNSUPPORTED_TYPE", "The content is not an image of a supported type.")
        job_id = f"JOB{len(self.jobs):05d}"
        query = parse_qs(urlsplit(str(request.url)).query)
        self.jobs[job_id] = {
            "id": job_id,
            "filename": query.get("filename", [f"{job_id}.png"])[0],
            "status": "PENDING",
            "done": False,
            "timestamp": "2026-11-22T16:34:00.000Z",
            "uploaded_at": "2026-11-22T16:34:00.000Z",
            "raw": {"size": len(self.bodies[-1]), "format": "PNG", "width": None, "height": None, "digest": "d"},
            "result": None,
            "error": None,
            "news": "a field that this client does not know",
        }
        return httpx.Response(202, json=self.jobs[job_id], headers={"Retry-After": "1"})

    def _list(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        start = int(query.get("cursor", "0"))
        wanted = [job for job in self.jobs.values() if query.get("status") in {None, job["status"]}]
        end = start + min(self.page_size, int(query["limit"]))
        cursor = str(end) if end < len(wanted) else None
        return httpx.Response(200, json={"jobs": wanted[start:end], "next_cursor": cursor})

    def _job(self, job_id: str, rest: list[str]) -> httpx.Response:
        job = self.jobs[job_id]
        if not rest:
            before = dict(job)
            self._advance(job_id)
            return httpx.Response(200, json=before, headers={} if before["done"] else {"Retry-After": "1"})
        if job["result"] is None:
            return problem(409, "JOB_FAILED", "The job has no result.")
        names = [output["name"] for output in job["result"]["outputs"]]
        if rest == ["receipt"]:
            outputs = job["result"]["outputs"]
            return httpx.Response(200, json={"digest": f"digest of {job_id}", "receipt": {"outputs": outputs}})
        if rest[-1] not in {"result", "raw", *names}:
            return problem(404, "OUTPUT_NOT_FOUND", "The job has no output with this name.")
        link: dict[str, Any] = {"url": f"{STORE_URL}/{job_id}/{rest[-1]}?secret=1", "expires_at": None}
        return httpx.Response(200, json=link | ({"size": self.promised} if self.promised else {}))

    def _act(self, job_id: str, action: str) -> httpx.Response:
        job = self.jobs[job_id]
        if action == "cancel" and job["done"]:
            return problem(409, "JOB_FINISHED", "The job has already ended.")
        if action == "retry" and job["status"] not in {"FAILED", "CANCELLED"}:
            return problem(409, "JOB_NOT_RETRIABLE", "Only a failed or cancelled job can be retried.")
        error = {"code": "JOB_CANCELLED", "message": "The job was cancelled.", "retriable": False}
        news: dict[str, Any] = {"status": "CANCELLED", "done": True, "error": error}
        job |= news if action == "cancel" else {"status": "PENDING", "done": False, "error": None}
        return httpx.Response(200 if action == "cancel" else 202, json=job)

    def _dead_letters(self, request: httpx.Request) -> httpx.Response:
        reason, start = request.url.params.get("reason"), int(request.url.params.get("cursor", "0"))
        wanted = [each for each in self.letters if reason in {None, each["reason"]}]
        end = start + min(self.page_size, int(request.url.params["limit"]))
        cursor = str(end) if end < len(wanted) else None
        return httpx.Response(200, json={"dead_letters": wanted[start:end], "next_cursor": cursor})

    def _redrive(self, wanted: dict[str, Any]) -> httpx.Response:
        found = [each for each in self.letters if wanted.get("all") or each["id"] == wanted.get("id")]
        found += [each for each in self.letters if each["reason"] == wanted.get("reason")]
        if wanted.get("id") and not found:
            return problem(404, "JOB_NOT_FOUND", "The job does not exist.")
        start = int(wanted.get("cursor", "0"))
        page = found[start : start + self.page_size]
        refused = [each["id"] for each in page if each["redrives"] > 2 and not wanted["force"]]
        done = [each["id"] for each in page if each["id"] not in refused]
        answer = {
            "redriven": len(done),
            "refused": len(refused),
            "jobs": done,
            "refusals": [{"id": each, "code": "REDRIVEN_TOO_OFTEN"} for each in refused],
            "next_cursor": str(start + self.page_size) if start + self.page_size < len(found) else None,
        }
        return httpx.Response(202, json=answer)

    def _advance(self, job_id: str) -> None:
        job = self.jobs[job_id]
        job |= {"done": True, "timestamp": "2026-11-22T16:34:01.500Z"}
        if "not-an-image" in job["filename"] and not self.forgiving:
            failure = {"code": "NOT_AN_IMAGE", "message": "The file is not an image.", "retriable": False}
            job |= {"status": "FAILED", "error": failure}
            return
        output = {"name": "image", "key": "k", "size": 4, "width": 2, "height": 1, "format": "PNG"}
        job |= {"status": "COMPLETED", "result": {**output, "outputs": [output]}, "facts": FACTS}


@dataclass(frozen=True)
class LocalStack:
    """A running stack."""

    api_url: str = API_URL
    ui_url: str = "http://ui.test"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAFELIGHT_API_URL", "SAFELIGHT_STATE_DIR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fake_time() -> FakeTime:
    """A fake clock."""
    return FakeTime()


@pytest.fixture
def api() -> FakeApi:
    """A fake API."""
    return FakeApi()


@pytest.fixture
def client(api: FakeApi, fake_time: FakeTime) -> Iterator[Safelight]:
    """A client of the fake API."""
    with Safelight(API_URL, transport=httpx.MockTransport(api), timing=fake_time.timing()) as safelight:
        yield safelight


@pytest.fixture
def invoke(api: FakeApi, fake_time: FakeTime) -> Callable[..., Result]:
    """A function that runs ``safelight`` with the fake API."""

    def start_engine(_folder: Path, report: Callable[[str], None]) -> LocalStack:
        report("engine is up")
        return LocalStack()

    def connect(url: str) -> Safelight:
        return Safelight(url, transport=httpx.MockTransport(api), timing=fake_time.timing())

    wiring = Wiring(connect=connect, start_engine=start_engine, verify=api.verify)

    def run(*arguments: object, **more: Any) -> Result:
        texts = [str(each) for each in arguments]
        return CliRunner().invoke(app, texts, obj=wiring, env={"SAFELIGHT_API_URL": API_URL, **more})

    return run


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    """A file with the signature of an image."""
    path = tmp_path / "holiday.png"
    path.write_bytes(PNG + b"0123456789")
    return path
