"""Many images through the API: one job per file, several at once, an outcome for each."""

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

S3 = "s3://"


class S3Object(str):
    """An object that the server copies, by its full name; in place of a file."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Return what it would be called as a file."""
        return PurePosixPath(self).name


Picture = Path | S3Object


def named(name: str) -> Picture:
    """Return what is meant by a name: a file, or an object for ``s3://bucket/key``."""
    return S3Object(name) if name.startswith(S3) else Path(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of every file."""

    pipeline: Mapping[str, Any] | None = None
    preset: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    #: Whether to stay until the job is done.
    wait: bool = False
    #: Longest wait for one job, seconds.
    timeout: float | None = None
    #: Folder for the results; needs ``wait``.
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one file fared: a job, an error, or both when the job was made and then something failed."""

    file: Picture
    job: Job | None = None
    saved: tuple[Path, ...] = ()
    error: ClientError | None = None

    @property
    def ok(self) -> bool:
        """Tell whether everything asked for this file was done."""
        return self.error is None and self.job is not None and (not self.job.done or self.job.succeeded)


def submit_all(
    client: Safelight,
    files: Sequence[Picture],
    order: Order,
    *,
    parallel: int,
    report: Callable[[Outcome], None],
) -> list[Outcome]:
    """Submit every file, at most ``parallel`` at once, and return the outcomes in the order of the files.

    One bad file does not touch the others. Only when the API can't be reached at all are the files that
    have not started left alone, each with that as its outcome. ``report`` is called as outcomes come in,
    from one thread at a time.
    """
    run = _Run(client, order, report)
    executor = ThreadPoolExecutor(max_workers=max(1, min(parallel, len(files))))
    try:
        return list(executor.map(run.one, files))
    except BaseException:
        # Interrupted: what is under way fails on its closed connection instead of being waited for.
        executor.shutdown(wait=False, cancel_futures=True)
        client.close()
        raise
    finally:
        executor.shutdown()


class _Run:
    """What the threads of one call share."""

    def __init__(self, client: Safelight, order: Order, report: Callable[[Outcome], None]) -> None:
        self._client = client
        self._order = order
        self._report = report
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._unreachable: Unreachable | None = None

    def one(self, file: Picture) -> Outcome:
        """Take one file all the way and report it."""
        outcome = Outcome(file=file, error=self._unreachable) if self._unreachable else self._process(file)
        if isinstance(outcome.error, Unreachable):
            self._unreachable = outcome.error
        with self._lock:
            self._report(outcome)
        return outcome

    def _process(self, file: Picture) -> Outcome:
        job: Job | None = None
        try:
            job = self._client.submit(
                None if isinstance(file, S3Object) else file,
                source=file if isinstance(file, S3Object) else None,
                pipeline=self._order.pipeline,
                preset=self._order.preset,
                options=self._order.options,
            )
            if self._order.wait:
                job = self._client.wait(job.id, self._order.timeout)
            saved = self._save(job) if self._order.out is not None and job.succeeded else ()
        except ClientError as error:
            return Outcome(file=file, job=job, error=error)
        return Outcome(file=file, job=job, saved=saved)

    def _save(self, job: Job) -> tuple[Path, ...]:
        folder = self._order.out or Path()
        with self._lock:
            names = result_names(job, taken=self._names)
            self._names.update(names.values())
        make_folder(folder)
        return tuple(self._client.download(job.id, folder / name, output) for output, name in names.items())


def make_folder(folder: Path) -> None:
    """Make a folder for results unless it is there. Raises LocalFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalFileError(f"{folder} can't be made ({error.strerror or error}).") from error


def summary(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """Count what went well and what did not."""
    verdicts = [outcome.ok for outcome in outcomes]
    return verdicts.count(True), verdicts.count(False)
