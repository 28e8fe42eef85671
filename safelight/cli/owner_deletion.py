"""Deletion of everything that a caller owns, page by page, with a statement.

A kill loses nothing: before a page of jobs is deleted, their IDs are added to a file of progress, and after it, what
was deleted. The next run deletes the jobs of unfinished pages again, for which the API returns the same statements.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from safelight.cli.rendering.documents import describe_error
from safelight.client import Safelight
from safelight.errors import ApiError, LocalFileError
from safelight.models import Job

PAGE_SIZE = 100
_CONCURRENCY = 8
_GONE = frozenset({404, 410})
#: The lists of the statement, by the kind of object.
_PLURALS = {
    "watch": "watches",
    "revoked_token": "revoked_tokens",
    "cancelled_batch": "cancelled_batches",
    "preset": "presets",
    "asset": "assets",
    "webhook": "webhooks",
}
#: States of upload tokens that no longer create jobs and never will.
_ENDED_TOKENS = frozenset({"EXPIRED", "REVOKED"})

#: Called with the number of deleted jobs.
OnProgress = Callable[[int], None]


class DeletionLog:
    """The file of progress, with one JSON document per line. Each line is on the disk before the next step."""

    def __init__(self, statement: Path) -> None:
        """Use the file beside the statement. Nothing is written yet."""
        self._statement = statement
        self.path = statement.with_name(f"{statement.name}.part")
        self.deleted: dict[str, dict[str, Any]] = {}
        self._planned: dict[str, None] = {}
        self.others: list[dict[str, Any]] = []

    def read(self, head: Mapping[str, Any]) -> str:
        """Read the progress of an earlier run, or start the file. Return when the deletion was started.

        ``head`` has the API and the selection. Raises LocalFileError if the file belongs to another deletion, or
        can't be read or written, or if there is no such file but a statement.
        """
        try:
            lines = self.path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        except OSError as error:
            raise LocalFileError(f"{self.path} can't be read ({error.strerror or error}).") from error
        documents = [document for line in lines if (document := _parse(line)) is not None]
        if not documents:
            if self._statement.exists():
                raise LocalFileError(f"{self._statement} exists. Choose another file for the statement.")
            started = datetime.now(UTC).isoformat(timespec="seconds")
            self._append([{"kind": "start", "started_at": started, **head}])
            return started
        first, *rest = documents
        if {name: first.get(name) for name in head} != dict(head):
            raise LocalFileError(f"{self.path} belongs to another deletion. Choose another --statement, or delete it.")
        for document in rest:
            kind = document.pop("kind", None)
            if kind == "planned":
                self._planned |= dict.fromkeys(document["ids"])
            elif kind == "job":
                self.deleted[document["id"]] = document
            else:
                self.others.append({"kind": kind, **document})
        return str(first["started_at"])

    def list_unfinished(self) -> list[str]:
        """Return the jobs whose deletion was planned, and about which nothing is known."""
        return [each for each in self._planned if each not in self.deleted]

    def plan(self, ids: list[str]) -> None:
        """Record that these jobs are about to be deleted."""
        self._planned |= dict.fromkeys(ids)
        self._append([{"kind": "planned", "ids": ids}])

    def add_jobs(self, documents: list[dict[str, Any]]) -> None:
        """Record what was deleted."""
        self._append([{"kind": "job", **each} for each in documents])
        self.deleted |= {each["id"]: each for each in documents}

    def add(self, kind: str, name: str) -> None:
        """Record that a preset, an asset, a webhook or another object was deleted."""
        document = {"kind": kind, "name": name}
        if document not in self.others:
            self._append([document])
            self.others.append(document)

    def finish(self) -> None:
        """Delete the file. The statement has everything."""
        with suppress(OSError):
            self.path.unlink()

    def _append(self, documents: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                # A killed run can leave an incomplete line.
                file.write("\n" if file.tell() else "")
                file.write("".join(json.dumps(each) + "\n" for each in documents))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LocalFileError(f"{self.path} can't be written ({error.strerror or error}).") from error


def delete_owner(
    client: Safelight, statement: Path, tags: Mapping[str, str], on_progress: OnProgress = lambda _count: None
) -> dict[str, Any]:
    """Delete all jobs of the caller and everything else the caller owns, and write the statement. Return it.

    With ``tags``, delete only the jobs that have all of them. Repeat the call after an interruption. Raises
    ClientError.
    """
    log = DeletionLog(statement)
    started = log.read({"api_url": client.api_url, "tags": dict(tags)})
    if not tags:
        _stop_new_jobs(client, log)
    failed: dict[str, dict[str, Any]] = {}
    if unfinished := log.list_unfinished():
        failed |= _delete_jobs(client, log, unfinished)
        on_progress(len(log.deleted))
    is_empty = False
    while not is_empty:
        # Jobs that were created meanwhile are found by another search.
        is_empty = True
        for page in _list_pages(client, tags, failed):
            is_empty = False
            log.plan(page)
            failed |= _delete_jobs(client, log, page)
            on_progress(len(log.deleted))
    if not tags:
        _delete_catalog(client, log)
    document = _describe(log, started, client.api_url, tags, failed)
    _write(statement, document)
    if not failed:
        log.finish()
    return document


def _stop_new_jobs(client: Safelight, log: DeletionLog) -> None:
    """Delete watches, revoke tokens and cancel batches, so that neither the server nor web pages create more jobs."""
    for watch in client.watches.list():
        client.watches.delete(watch.id)
        log.add("watch", watch.id)
    for token in client.tokens.list():
        if token.state not in _ENDED_TOKENS:
            client.tokens.revoke(token.id)
            log.add("revoked_token", token.id)
    for batch in client.batches.list():
        if not batch.done or batch.walk.state != "over":
            client.batches.cancel(batch.id)
            log.add("cancelled_batch", batch.id)


def _delete_catalog(client: Safelight, log: DeletionLog) -> None:
    """Delete presets, assets and webhooks. Idempotent."""
    for preset in [each for each in client.presets.list() if not each.built_in]:
        client.presets.delete(preset.name)
        log.add("preset", preset.name)
    for asset in list(client.assets.list()):
        client.assets.delete(asset.name)
        log.add("asset", asset.name)
    for webhook in list(client.webhooks.list()):
        client.webhooks.delete(webhook.name)
        log.add("webhook", webhook.name)


def _list_pages(client: Safelight, tags: Mapping[str, str], failed: Mapping[str, object]) -> Iterator[list[str]]:
    """Yield the IDs of jobs to delete, in pages. Jobs that could not be deleted are not tried again."""
    matching = (job.id for job in client.list_jobs() if job.id not in failed and _has_tags(job, tags))
    while page := list(islice(matching, PAGE_SIZE)):
        yield page


def _has_tags(job: Job, tags: Mapping[str, str]) -> bool:
    return tags.items() <= job.tags.items()


def _delete_jobs(client: Safelight, log: DeletionLog, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Delete jobs, record what was deleted, and return the errors by ID.

    Raises ClientError if the API is unavailable or refuses all requests.
    """
    failed: dict[str, dict[str, Any]] = {}

    def delete(job_id: str) -> dict[str, Any] | None:
        try:
            return client.delete(job_id).document()
        except ApiError as error:
            if error.status in _GONE:
                return {"id": job_id, "record": "removed before"}
            if error.status in {401, 403, 429} or error.retriable:
                raise
            failed[job_id] = describe_error(error)
            return None

    with ThreadPoolExecutor(_CONCURRENCY) as executor:
        # Each group is recorded as soon as it is deleted.
        for start in range(0, len(ids), _CONCURRENCY):
            group = executor.map(delete, ids[start : start + _CONCURRENCY])
            log.add_jobs([each for each in group if each is not None])
    return failed


def _describe(
    log: DeletionLog, started: str, api_url: str, tags: Mapping[str, str], failed: Mapping[str, Any]
) -> dict[str, Any]:
    jobs = list(log.deleted.values())
    names: dict[str, list[str]] = {}
    for each in log.others:
        names.setdefault(_PLURALS.get(each["kind"], each["kind"]), []).append(each["name"])
    return {
        "complete": not failed,
        "api_url": api_url,
        "tags": dict(tags),
        "started_at": started,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "job_count": len(jobs),
        "object_count": sum(each.get("object_count", 0) for each in jobs),
        "bytes": sum(each.get("bytes", 0) for each in jobs),
        **names,
        "failed": [{"id": job_id, **error} for job_id, error in failed.items()],
        "jobs": jobs,
    }


def _write(path: Path, document: Mapping[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        scratch.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise LocalFileError(f"{path} can't be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _parse(line: str) -> dict[str, Any] | None:
    """Return the document of a line, or None for the incomplete last line of a run that was killed."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
