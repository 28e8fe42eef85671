"""The options of an ingest, and the state of a run that is only in memory."""

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.files import WorkQueue
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.polling import Poller
from safelight.ingest.sources import S3, STANDARD_INPUT, SearchOptions


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

        The output folder and the concurrency are not included.
        """
        return {
            "api_url": api_url,
            "sources": [each if _is_not_a_path(each) else os.path.abspath(each) for each in self.sources],  # noqa: PTH100
            "manifests": [str(each.absolute()) for each in self.manifests],
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
    #: Bytes of the files that this run has uploaded.
    sent_bytes: int = 0
    #: True if all sources are read.
    scanned: bool = False
    #: True while files are being inspected.
    inspecting: bool = False


def _is_not_a_path(source: str) -> bool:
    return source == STANDARD_INPUT or source.startswith(S3)
