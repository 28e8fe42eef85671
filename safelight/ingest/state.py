"""The options of an ingest, and the state of a run that is only in memory."""

import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.ingest.checkpoint.batches import FIRST_CHUNK_SIZE
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.files import WorkQueue
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.filters import SearchOptions
from safelight.ingest.polling import Poller
from safelight.ingest.sources import S3, STANDARD_INPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """Sources, processing options and the output folder."""

    sources: tuple[str, ...] = ()
    manifests: tuple[Path, ...] = ()
    #: ``pipeline``, ``preset`` or shorthand options, for files that have no options themselves.
    options: Mapping[str, Any] = field(default_factory=dict)
    search: SearchOptions = field(default_factory=SearchOptions)
    #: Output folder. If None, results are not downloaded.
    out: Path | None = None
    #: Name of the batch.
    name: str | None = None
    #: Number of concurrent requests. If None, the number is adapted to the server.
    concurrency: int | None = None
    #: The ingest stops if no request succeeds for this many seconds.
    patience: float = 120.0

    def identity(self, api_url: str) -> Mapping[str, Any]:
        """Return the settings that identify a checkpoint. Commands with the same settings use the same checkpoint.

        The current folder, the output folder and the concurrency are not included. But names on standard input are
        relative to the current folder, so it is included with them.
        """
        more: dict[str, Any] = {"exclude": list(self.search.exclude)} if self.search.exclude else {}
        if self.search.max_size is not None:
            more["max_size"] = self.search.max_size
        if STANDARD_INPUT in self.sources:
            more["folder"] = os.getcwd()  # noqa: PTH109 - like abspath
        return {**self.old_identity(api_url), **more}

    def old_identity(self, api_url: str) -> Mapping[str, Any]:
        """Return the identity in earlier versions, whose checkpoints were stored in the current folder."""
        return {
            "api_url": api_url,
            "sources": [each if _is_not_a_path(each) else os.path.abspath(each) for each in self.sources],  # noqa: PTH100
            "manifests": [os.path.abspath(each) for each in self.manifests],  # noqa: PTH100
            "options": dict(self.options),
            "patterns": list(self.search.patterns),
        }


@dataclass(slots=True)
class RunState:
    """The state of one run. Nothing in it grows with the number of files."""

    checkpoint: Checkpoint
    #: ID of the checkpoint, for threads that must not use the checkpoint itself.
    checkpoint_id: str
    options: IngestOptions
    poller: Poller
    #: Returns seconds since the epoch.
    clock: Callable[[], float]
    uploads: WorkQueue = field(default_factory=lambda: WorkQueue(State.MEMBER))
    downloads: WorkQueue = field(default_factory=lambda: WorkQueue(State.COMPLETED))
    #: Jobs whose upload is to be confirmed.
    unconfirmed: deque[str] = field(default_factory=deque)
    #: Keys of running tasks. A task is not started while another task with the same key is running.
    busy: set[str] = field(default_factory=set)
    #: Number and bytes of the files that this run has uploaded.
    sent_files: int = 0
    sent_bytes: int = 0
    #: Number of files that succeeded or failed in earlier runs.
    done_before: int = 0
    #: Number of files that earlier runs have sent, and that were still open when this run started.
    continued: int = 0
    #: Files and folders that are skipped, by the reason.
    skipped: Counter[str] = field(default_factory=Counter)
    #: True if all sources are read.
    scanned: bool = False
    #: Number of files to inspect next, which become one request.
    chunk_size: int = FIRST_CHUNK_SIZE
    #: True while files are being inspected.
    inspecting: bool = False


def _is_not_a_path(source: str) -> bool:
    return source == STANDARD_INPUT or source.startswith(S3)
