"""An in-memory fake of the API's uploads and batches and of the image store, with failures on demand.

A job ends after a configured number of polls of its batch.
"""

import base64
import hashlib
import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

API_URL = "http://api.test/v1"
STORE_URL = "http://store.test"
PART_BYTES = 5 * 1024 * 1024
Fault = httpx.Response | Exception | None


def problem(status: int, code: str, detail: str = "Detail.", **headers: str) -> httpx.Response:
    """Return an error response of the API."""
    document = {"title": "Title.", "status": status, "detail": detail, "code": code, "retriable": status >= 429}
    return httpx.Response(status, json=document, headers=headers)


@dataclass
class BulkApi:
    """Batches, uploads and their store. Thread-safe."""

    #: Returns a response, or an error to raise, in place of handling the request.
    fault: Callable[[httpx.Request], Fault] = lambda _request: None
    #: Returns True if the response is lost after the request was handled.
    lost: Callable[[httpx.Request], bool] = lambda _request: False
    #: Polls of its page after which a job with bytes has ended.
    polls: int = 1
    #: Polls of its page during which the message of a job with bytes waits in the queue.
    queued_polls: int = 0
    form_seconds: float = 900.0
    #: Returns the error of a refused member, or None.
    refuse: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _member: None
    #: The address in forms and links.
    store_url: str = STORE_URL
    #: True: the API learns of uploads only by confirmation.
    events_lost: bool = False
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Requests and responses by Idempotency-Key.
    responses: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    #: Uploads by job.
    received: Counter[str] = field(default_factory=Counter)
    requests: list[str] = field(default_factory=list)
    #: Numbers of the parts that the store has received.
    sent_parts: list[int] = field(default_factory=list)
    _job_numbers: Iterator[int] = field(default_factory=itertools.count)
    _batch_numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Handle one request."""
        body = request.read()
        with self._lock:
            self.requests.append(f"{request.method} {request.url.path}")
            response = self.fault(request)
            if isinstance(response, Exception):
                raise response
            if response is None:
                is_api = request.url.path.startswith("/v1/")
                response = self._api(request, body) if is_api else self._store(request, body)
                if self.lost(request):
                    raise httpx.ReadError("the connection broke")
            return response

    def _api(self, request: httpx.Request, body: bytes) -> httpx.Response:
        parts = request.url.path.removeprefix("/v1/").split("/")
        self.calls[f"{request.method} {parts[0]}{'/…/' + parts[2] if len(parts) > 2 else ''}"] += 1
        if request.method == "GET":
            return self._read(request, parts)
        key = request.headers.get("Idempotency-Key", "")
        known = self.responses.get(key)
        if known is not None:
            same = known[0] == f"{request.url.path} {body!r}"
            return httpx.Response(202, content=known[1]) if same else problem(422, "KEY_REUSED")
        response = self._write(parts, json.loads(body or b"{}"))
        if key and response.is_success:
            self.responses[key] = (f"{request.url.path} {body!r}", response.content)
        return response

    def _read(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        match parts:
            case ["batches", batch_id] if batch_id in self.batches:
                return httpx.Response(200, json=self._batch(batch_id))
            case ["batches", batch_id, "items"] if batch_id in self.batches:
                return self._items(batch_id, request.url.params)
            case ["uploads", job_id, "parts"] if job_id in self.jobs:
                return self._read_parts(self.jobs[job_id])
            case ["jobs", job_id] if job_id in self.jobs:
                return httpx.Response(200, json=self._view(self.jobs[job_id]))
            case ["jobs", job_id, *rest] if job_id in self.jobs:
                name = rest[-1] if rest[0] == "outputs" else "image"
                return httpx.Response(200, json={"url": f"{self.store_url}/{job_id}/{name}?fresh=1"})
        return self._not_found(parts)

    def _not_found(self, parts: list[str]) -> httpx.Response:
        return problem(404, "BATCH_NOT_FOUND" if parts[0] == "batches" else "JOB_NOT_FOUND")

    def forget(self) -> None:
        """Lose all data, like an engine that is killed."""
        with self._lock:
            for data in (self.jobs, self.batches, self.responses, self.received):
                data.clear()

    def _read_parts(self, job: dict[str, Any]) -> httpx.Response:
        stored = [{"PartNumber": number, "Size": len(data)} for number, data in sorted(job.get("parts", {}).items())]
        return httpx.Response(200, json={"parts": stored})

    def _sign_parts(self, job: dict[str, Any], numbers: list[int]) -> httpx.Response:
        size = job["request"]["size"]
        parts = [
            {
                "PartNumber": number,
                "url": f"{self.store_url}/parts/{job['id']}/{number}",
                "size": min(PART_BYTES, size - (number - 1) * PART_BYTES),
            }
            for number in numbers
        ]
        return httpx.Response(200, json={"parts": parts})

    def _complete(self, job: dict[str, Any]) -> httpx.Response:
        content = b"".join(data for _, data in sorted(job.get("parts", {}).items()))
        if len(content) != job["request"]["size"]:
            return problem(409, "PARTS_MISSING")
        self.received[job["id"]] += job["status"] == "AWAITING_UPLOAD"
        job["content"] = content
        self._confirm(job)
        return httpx.Response(202, json=self._view(job))

    def _how_to_send(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return the form or the multipart upload of a job."""
        if job["request"].get("method") != "multipart":
            return {"upload": self._form(job), "multipart": None}
        count = -(-job["request"]["size"] // PART_BYTES)
        return {"upload": None, "multipart": {"upload_id": job["id"], "part_size": PART_BYTES, "part_count": count}}

    def _write(self, parts: list[str], document: dict[str, Any]) -> httpx.Response:  # noqa: C901, PLR0911 - the routes
        match parts:
            case ["batches"]:
                batch_id = f"BATCH{next(self._batch_numbers)}"
                self.batches[batch_id] = {
                    "closed": False,
                    "jobs": [],
                    "name": document.get("name"),
                    "request": document,
                }
                return self._add(batch_id, document)
            case ["batches", batch_id, "items"] if batch_id in self.batches:
                return (
                    problem(409, "BATCH_CLOSED") if self.batches[batch_id]["closed"] else self._add(batch_id, document)
                )
            case ["batches", batch_id, "close"] if batch_id in self.batches:
                self.batches[batch_id]["closed"] = True
                return httpx.Response(200, json=self._batch(batch_id))
            case ["uploads"]:
                job = self._new_job(document, None)
                return httpx.Response(201, json={**self._view(job), **self._how_to_send(job)})
            case ["uploads", job_id, "form"] if job_id in self.jobs:
                job = self.jobs[job_id]
                awaits_bytes = job["status"] == "AWAITING_UPLOAD"
                return (
                    httpx.Response(200, json=self._how_to_send(job))
                    if awaits_bytes
                    else problem(409, "NOT_AWAITING_UPLOAD")
                )
            case ["uploads", job_id, "parts"] if job_id in self.jobs:
                return self._sign_parts(self.jobs[job_id], document["part_numbers"])
            case ["uploads", job_id, "complete"] if job_id in self.jobs:
                return self._complete(self.jobs[job_id])
            case ["uploads", job_id, "confirm"] if job_id in self.jobs:
                if job_id not in self.received:
                    return problem(409, "UPLOAD_INCOMPLETE")
                self._confirm(self.jobs[job_id])
                return httpx.Response(202, json=self._view(self.jobs[job_id]))
            case ["jobs", job_id, "cancel"] if job_id in self.jobs:
                self.jobs[job_id] |= {"status": "CANCELLED"}
                return httpx.Response(200, json=self._view(self.jobs[job_id]))
        return self._not_found(parts)

    def _add(self, batch_id: str, document: dict[str, Any]) -> httpx.Response:
        items = []
        for index, member in enumerate(document.get("items", ())):
            error = self.refuse(member)
            if error is not None:
                items.append({"index": index, "job": None, "upload": None, "error": error})
                continue
            job = self._new_job(member, batch_id)
            self.batches[batch_id]["jobs"].append(job["id"])
            form = {"upload": None} if "source" in member else self._how_to_send(job)
            facts = {"id": job["id"], "status": job["status"], "filename": job["filename"]}
            items.append({"index": index, "job": facts, **form, "error": None})
        self.batches[batch_id]["closed"] |= document.get("close", False)
        return httpx.Response(202, json={"batch": self._batch(batch_id), "items": items})

    def _new_job(self, member: dict[str, Any], batch_id: str | None) -> dict[str, Any]:
        job: dict[str, Any] = {
            "id": f"JOB{next(self._job_numbers):06d}",
            "filename": member.get("filename"),
            "status": "PENDING" if "source" in member else "AWAITING_UPLOAD",
            "batch_id": batch_id,
            "request": member,
            "polls": 0,
        }
        self.jobs[job["id"]] = job
        return job

    def _form(self, job: dict[str, Any]) -> dict[str, Any]:
        expires = datetime.now(UTC) + timedelta(seconds=self.form_seconds)
        policy = base64.b64encode(
            f"{job['id']} {expires.timestamp()} {job['request'].get('size', '')}".encode()
        ).decode()
        fields = {"key": f"raw/bulk/{job['id']}", "Content-Type": "image/png", "policy": policy}
        return {"url": self.store_url, "fields": fields, "max_bytes": 10**8, "expires_at": expires.isoformat()}

    def _store(self, request: httpx.Request, body: bytes) -> httpx.Response:
        if request.method == "GET":
            _, job_id, name = request.url.path.split("/")
            self.calls["GET store"] += 1
            if job_id not in self.jobs:
                return httpx.Response(404, text="<Error><Code>NoSuchKey</Code></Error>")
            return httpx.Response(200, content=self._pixels(self.jobs[job_id], name))
        if request.method == "PUT":
            _, _, job_id, number = request.url.path.split("/")
            self.calls["PUT store"] += 1
            self.sent_parts.append(int(number))
            self.jobs[job_id].setdefault("parts", {})[int(number)] = body
            return httpx.Response(200, headers={"ETag": '"e"'})
        self.calls["POST store"] += 1
        boundary = b"--" + request.headers["Content-Type"].partition("boundary=")[2].encode()
        *fields, file = body.removesuffix(boundary + b"--\r\n").split(boundary + b"\r\n")[1:]
        policy = next(each for each in fields if b'name="policy"' in each).split(b"\r\n\r\n")[1].strip()
        job_id, expires, size = (base64.b64decode(policy).decode() + " ").split(" ")[:3]
        content = file.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        if float(expires) < datetime.now(UTC).timestamp():
            return httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>")
        if size and int(size) != len(content):
            return httpx.Response(400, text="<Error><Code>EntityTooLarge</Code></Error>")
        if job_id in self.jobs:
            self.received[job_id] += 1
            self.jobs[job_id]["content"] = content
            if not self.events_lost:
                self.jobs[job_id]["queued_polls"] = self.queued_polls
                self._take(self.jobs[job_id])
        return httpx.Response(204)

    def _take(self, job: dict[str, Any]) -> None:
        if job["queued_polls"] == 0:
            self._confirm(job)
        job["queued_polls"] -= 1

    def _confirm(self, job: dict[str, Any]) -> None:
        if job["status"] == "AWAITING_UPLOAD":
            job["status"] = "PENDING"

    def _items(self, batch_id: str, query: httpx.QueryParams) -> httpx.Response:
        after = query.get("cursor") or query.get("after") or ""
        ids = sorted(job_id for job_id in self.batches[batch_id]["jobs"] if job_id > after)
        page = ids[: int(query["limit"])]
        links = query.get("links") == "true"
        for job_id in page:
            self._advance(self.jobs[job_id])
        items = [self._view(self.jobs[job_id], links=links) for job_id in page]
        cursor = page[-1] if len(ids) > len(page) else None
        return httpx.Response(200, json={"items": items, "next_cursor": cursor})

    def _advance(self, job: dict[str, Any]) -> None:
        if job["status"] == "AWAITING_UPLOAD" and "queued_polls" in job:
            self._take(job)
        if job["status"] == "PENDING":
            job["polls"] += 1
            if job["polls"] >= self.polls:
                job["status"] = "FAILED" if b"not an image" in job.get("content", b"") else "COMPLETED"

    def _view(self, job: dict[str, Any], *, links: bool = False) -> dict[str, Any]:
        view = {name: job[name] for name in ("id", "filename", "status", "batch_id")}
        view |= {
            "done": job["status"] in {"COMPLETED", "FAILED", "CANCELLED", "EXPIRED"},
            "result": None,
            "error": None,
        }
        if job["status"] == "COMPLETED":
            outputs = [self._output(job, name, links=links) for name in job["request"].get("names", ["image"])]
            view["result"] = {**outputs[0], "outputs": outputs}
        elif view["done"]:
            code = {"FAILED": "NOT_AN_IMAGE", "CANCELLED": "JOB_CANCELLED", "EXPIRED": "UPLOAD_EXPIRED"}[job["status"]]
            view["error"] = {"code": code, "message": "The file is not an image.", "retriable": False}
        if "content" in job:
            view["raw"] = {"digest": hashlib.sha256(job["content"]).hexdigest(), "size": len(job["content"])}
        return view

    def _output(self, job: dict[str, Any], name: str, *, links: bool) -> dict[str, Any]:
        pixels = self._pixels(job, name)
        link = {"url": f"{self.store_url}/{job['id']}/{name}"} if links else {}
        facts = {"name": name, "format": "PNG", "size": len(pixels), "digest": hashlib.sha256(pixels).hexdigest()}
        return {**facts, **link}

    def _pixels(self, job: dict[str, Any], name: str) -> bytes:
        return f"{name} of ".encode() + re.sub(rb"raw", b"done", job.get("content", job["id"].encode()))

    def _batch(self, batch_id: str) -> dict[str, Any]:
        batch = self.batches[batch_id]
        counts = Counter(self.jobs[job_id]["status"].lower() for job_id in batch["jobs"])
        ended = sum(counts[name] for name in ("completed", "failed", "cancelled", "expired"))
        total = len(batch["jobs"])
        facts = {"id": batch_id, "name": batch["name"], "closed": batch["closed"], "total": total}
        return facts | {"done": batch["closed"] and ended == total, "counts": {**counts, "open": total - ended}}
