"""Threads that run tasks and scan the sources, and the queue of their results."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from safelight.errors import ClientError
from safelight.ingest.sources import Entry, InvalidEntry

#: Number of entries per scan result, and maximum number of results per call of ``wait_for_results``.
_SLICE_SIZE = 250
#: Maximum number of scan results in the queue.
_SLICES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The return value or the error of a task."""

    #: The task that was passed to ``start``.
    task: Any
    started: float
    value: Any = None
    error: ClientError | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Some entries of the sources."""

    entries: list[Entry | InvalidEntry]
    last: bool
    #: An unexpected error, to be raised in the thread that waits.
    error: BaseException | None = None


class WorkerPool:
    """A thread pool, used by one thread that starts tasks and waits for their results."""

    def __init__(self, threads: int) -> None:
        """Create a pool of at most ``threads`` threads, which are started when they are needed."""
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ingest")
        self._results: queue.SimpleQueue[TaskResult | ScanResult] = queue.SimpleQueue()
        self._slices = threading.Semaphore(_SLICES_AHEAD)
        self._stopped = threading.Event()

    def start(self, task: Any, call: Callable[[], Any], now: float) -> None:  # noqa: ANN401 - the caller's type
        """Run ``call`` in a thread. Its result is queued with ``task``."""
        self._executor.submit(self._run, task, call, now)

    def scan(self, entries: Iterable[Entry | InvalidEntry]) -> None:
        """Read the sources in a thread."""
        threading.Thread(target=self._scan, args=(iter(entries),), name="ingest-scan", daemon=True).start()

    def wait_for_results(self, timeout: float) -> list[TaskResult | ScanResult]:
        """Return the queued results. If there are none, wait at most ``timeout`` seconds for the first result."""
        results: list[TaskResult | ScanResult] = []
        try:
            results.append(self._results.get(timeout=max(0.0, timeout)))
            while len(results) < _SLICE_SIZE:
                results.append(self._results.get_nowait())
        except queue.Empty:
            pass
        return results

    def allow_next_scan_result(self) -> None:
        """Let the scan queue another result. Call it for each result that is stored."""
        self._slices.release()

    def abandon(self) -> None:
        """Start no more tasks, and do not wait for running tasks."""
        self._stopped.set()
        self._slices.release()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait for all running tasks."""
        self._executor.shutdown()

    def _run(self, task: Any, call: Callable[[], Any], started: float) -> None:  # noqa: ANN401 - see start
        try:
            self._results.put(TaskResult(task, started, value=call()))
        except ClientError as error:
            self._results.put(TaskResult(task, started, error=error))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._results.put(ScanResult([], last=True, error=error))

    def _scan(self, entries: Iterator[Entry | InvalidEntry]) -> None:
        try:
            while not self._stopped.is_set():
                some = list(islice(entries, _SLICE_SIZE))
                self._slices.acquire()
                self._results.put(ScanResult(some, last=len(some) < _SLICE_SIZE))
                if len(some) < _SLICE_SIZE:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._results.put(ScanResult([], last=True, error=error))
