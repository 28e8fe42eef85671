"""Submission of many images: one job and one outcome per file, several files concurrently."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from safelight.client import Safelight
from safelight.connection import Option
from safelight.downloads import result_names
from safelight.errors import ClientError, LocalFileError, Unreachable
from safelight.models import Job

#: What the sources begin with that Safelight reads itself.
REMOTE = ("s3://", "https://", "http://", "job:")


class RemoteSource(str):
    """A source that Safelight reads: ``s3://bucket/key``, ``https://host/path`` or ``job:ID``."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Return the last part of the key or path, or ``job:ID``."""
        return PurePosixPath(self.partition("?")[0]).name


ImageSource = Path | RemoteSource


def parse_source(name: str) -> ImageSource:
    """Return the remote source for ``s3://bucket/key``, a URL and ``job:ID``, else the path."""
    return RemoteSource(name) if name.lower().startswith(REMOTE) else Path(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """How to process every file."""

    pipeline: Mapping[str, Any] | None = None
    preset: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    #: Whether to wait until the job has ended.
    wait: bool = False
    #: Maximum wait for one job, seconds.
    timeout: float | None = None
    #: Folder for the results. Needs ``wait``.
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one file: a job, an error, or both if an error followed the creation of the job."""

    file: ImageSource
    job: Job | None = None
    saved: tuple[Path, ...] = ()
    error: ClientError | None = None

    @property
    def ok(self) -> bool:
        """Return True if there is no error and the job is open or completed."""
        return self.error is None and self.job is not None and (not self.job.done or self.job.succeeded)


def submit_all(
    client: Safelight,
    files: Sequence[ImageSource],
    options: SubmitOptions,
    *,
    concurrency: int,
    on_outcome: Callable[[Outcome], None],
) -> list[Outcome]:
    """Submit files, at most ``concurrency`` at a time, and return their outcomes in the order of the files.

    If a file fails, the others are still submitted. But if the API is unreachable, all files that have not started get
    this error. ``on_outcome`` is called after each file, by one thread at a time.
    """
    submitter = _Submitter(client, options, on_outcome)
    executor = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(files))))
    try:
        return list(executor.map(submitter.submit, files))
    except BaseException:
        # After Ctrl-C, the closed connection ends running requests.
        executor.shutdown(wait=False, cancel_futures=True)
        client.close()
        raise
    finally:
        executor.shutdown()


class _Submitter:
    """The state that the threads of one call share."""

    def __init__(self, client: Safelight, options: SubmitOptions, on_outcome: Callable[[Outcome], None]) -> None:
        self._client = client
        self._options = options
        self._on_outcome = on_outcome
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._unreachable: Unreachable | None = None

    def submit(self, file: ImageSource) -> Outcome:
        """Submit a file, wait and download as the options say, and report the outcome."""
        outcome = Outcome(file=file, error=self._unreachable) if self._unreachable else self._process(file)
        if isinstance(outcome.error, Unreachable):
            self._unreachable = outcome.error
        with self._lock:
            self._on_outcome(outcome)
        return outcome

    def _process(self, file: ImageSource) -> Outcome:
        job: Job | None = None
        try:
            job = self._client.submit(
                None if isinstance(file, RemoteSource) else file,
                source=file if isinstance(file, RemoteSource) else None,
                pipeline=self._options.pipeline,
                preset=self._options.preset,
                options=self._options.options,
            )
            if self._options.wait:
                job = self._client.wait(job.id, self._options.timeout)
            saved = self._save(job, self._options.out) if self._options.out is not None and job.succeeded else ()
        except ClientError as error:
            return Outcome(file=file, job=job, error=error)
        return Outcome(file=file, job=job, saved=saved)

    def _save(self, job: Job, folder: Path) -> tuple[Path, ...]:
        with self._lock:
            names = result_names(job, taken=self._names)
            self._names.update(names.values())
        make_folder(folder)
        return tuple(self._client.download(job.id, folder / name, output) for output, name in names.items())


def make_folder(folder: Path) -> None:
    """Create a folder and its parents. Idempotent. Raises LocalFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalFileError(f"{folder} can't be created ({error.strerror or error}).") from error


def count_outcomes(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """Return the number of successes and of failures."""
    results = [outcome.ok for outcome in outcomes]
    return results.count(True), results.count(False)
