"""Threads that do one thing each and tell how it ended; at most so many slices of names wait to be taken in."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from safelight.errors import ClientError
from safelight.ingest.entries import Found, Misfit

#: Names taken in at once.
_SLICE = 250
_SLICES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Ended:
    """How one thing ended."""

    #: What was given along with it.
    task: Any
    started: float
    value: Any = None
    error: ClientError | None = None


@dataclass(frozen=True, slots=True)
class Scanned:
    """Some names that the sources hold."""

    entries: list[Found | Misfit]
    last: bool
    #: A fault of ours, to be raised in the thread that waits.
    error: BaseException | None = None


class Crew:
    """Used by one thread, which starts things and waits for their ends."""

    def __init__(self, threads: int) -> None:
        """Make at most so many threads, when they are needed."""
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ingest")
        self._ends: queue.SimpleQueue[Ended | Scanned] = queue.SimpleQueue()
        self._ahead = threading.Semaphore(_SLICES_AHEAD)
        self._stopped = threading.Event()

    def start(self, task: Any, call: Callable[[], Any], now: float) -> None:  # noqa: ANN401 - the caller's own
        """Begin something; its end is told with ``task``."""
        self._executor.submit(self._do, task, call, now)

    def scan(self, entries: Iterable[Found | Misfit]) -> None:
        """Begin to read names."""
        threading.Thread(target=self._scan, args=(iter(entries),), name="ingest-scan", daemon=True).start()

    def ends(self, timeout: float) -> list[Ended | Scanned]:
        """Wait at most ``timeout`` seconds for an end, and return all there are."""
        found: list[Ended | Scanned] = []
        try:
            found.append(self._ends.get(timeout=max(0.0, timeout)))
            while len(found) < _SLICE:
                found.append(self._ends.get_nowait())
        except queue.Empty:
            pass
        return found

    def took_in(self) -> None:
        """Let another slice of names be read."""
        self._ahead.release()

    def dismiss(self) -> None:
        """Begin nothing more, and leave what is under way to itself."""
        self._stopped.set()
        self._ahead.release()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Wait for all that is under way."""
        self._executor.shutdown()

    def _do(self, task: Any, call: Callable[[], Any], started: float) -> None:  # noqa: ANN401 - see start
        try:
            self._ends.put(Ended(task, started, value=call()))
        except ClientError as error:
            self._ends.put(Ended(task, started, error=error))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._ends.put(Scanned([], last=True, error=error))

    def _scan(self, entries: Iterator[Found | Misfit]) -> None:
        try:
            while not self._stopped.is_set():
                some = list(islice(entries, _SLICE))
                self._ahead.acquire()
                self._ends.put(Scanned(some, last=len(some) < _SLICE))
                if len(some) < _SLICE:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._ends.put(Scanned([], last=True, error=error))
