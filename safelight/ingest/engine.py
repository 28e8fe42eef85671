"""The engine of an ingest: one thread schedules tasks and writes the checkpoint. Other threads send requests."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from safelight.client import Safelight
from safelight.errors import ClientError, Unreachable
from safelight.ingest import scheduler
from safelight.ingest.checkpoint import batches, listing
from safelight.ingest.checkpoint.database import Checkpoint, open_checkpoint, translate_database_errors
from safelight.ingest.concurrency import FIRST_PAUSE_SECONDS, MAX_LIMIT, MAX_RETRY_AFTER_SECONDS, ConcurrencyLimit
from safelight.ingest.filters import SearchOptions, SkipReason
from safelight.ingest.inspection import inspect_files
from safelight.ingest.manifests import check_manifest, read_manifest
from safelight.ingest.polling import Poller
from safelight.ingest.progress import Progress, RunCounts, is_continued, is_done, read_progress
from safelight.ingest.sources import Entry, InvalidEntry, find_entries, require_sources
from safelight.ingest.state import IngestOptions, RunState
from safelight.ingest.tasks import PollMembers, Task
from safelight.ingest.worker_pool import ScanResult, TaskResult, WorkerPool
from safelight.local_files import make_absolute, require_writable_folder
from safelight.transport.retries import get_retry_after, is_quota_exceeded, is_retryable, is_server_unavailable
from safelight.transport.timing import SYSTEM_TIMING, Timing

#: How long to wait, in seconds, if no request of the run has succeeded yet. The API's URL may be wrong.
FIRST_RESPONSE_SECONDS = 10.0
_PROGRESS_SECONDS = 0.5
#: Longest wait between two scheduling rounds.
_TICK_SECONDS = 1.0

OnProgress = Callable[[Progress], None]


class IngestStopped(ClientError):
    """The ingest can't continue. Its progress is saved."""

    code = "INGEST_STOPPED"


def ingest(  # noqa: PLR0913 - all but two are optional
    client: Safelight,
    *sources: str | Path,
    checkpoint: str | Path,
    out: str | Path | None = None,
    manifests: Sequence[str | Path] = (),
    pipeline: Mapping[str, Any] | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    name: str | None = None,
    concurrency: int | None = None,
    on_progress: OnProgress | None = None,
) -> Progress:
    """Upload any number of images, wait until their jobs have ended, and return the counts.

    ``sources`` and ``manifests`` are those of ``safelight ingest``. ``options`` are shorthand options. ``checkpoint``
    is the file that stores the progress: if a call was interrupted, repeat the same call to resume it. ``on_progress``
    is called regularly with the counts. Raises IngestStopped if the API refuses the ingest or stays unavailable,
    SourceMissing, ManifestUnusable, or LocalFileError if ``out`` can't be written.
    """
    output_folder = None if out is None else Path(out)
    processing = {"pipeline": pipeline, "preset": preset}
    ingest_options = IngestOptions(
        sources=tuple(str(each) for each in sources),
        manifests=tuple(Path(each) for each in manifests),
        options={**(options or {}), **{key: value for key, value in processing.items() if value is not None}},
        search=SearchOptions(skipped=() if output_folder is None else (make_absolute(output_folder),)),
        out=output_folder,
        name=name,
        concurrency=concurrency,
    )
    check_before_sending(ingest_options)
    with open_checkpoint(Path(checkpoint)) as opened:
        return run(client, opened, ingest_options, on_progress=on_progress)


def check_before_sending(options: IngestOptions) -> None:
    """Create the output folder, and check it, the sources and the manifests.

    Raises SourceMissing, ManifestUnusable, or LocalFileError if the output folder can't be written.
    """
    require_sources(options.sources)
    for manifest in options.manifests:
        check_manifest(manifest)
    if options.out is not None:
        require_writable_folder(options.out)


def run(  # noqa: PLR0913 - the last two are for tests
    client: Safelight,
    checkpoint: Checkpoint,
    options: IngestOptions,
    *,
    on_progress: OnProgress | None = None,
    timing: Timing = SYSTEM_TIMING,
    clock: Callable[[], float] = time.time,
) -> Progress:
    """Start or resume an ingest of all files of the sources, and return the counts.

    The progress is saved even if the run is interrupted or killed. Raises IngestStopped if the API refuses the ingest
    or stays unavailable, and CheckpointUnusable or ManifestUnusable if one of these files can't be used.
    """
    with translate_database_errors(checkpoint.path):
        listing.prepare_run(checkpoint, str(make_absolute(options.out)) if options.out else None)
        state = RunState(checkpoint, checkpoint.id, options, Poller(timing.monotonic()), clock)
        before = read_progress(checkpoint, downloading=options.out is not None, scanned=False)
        state.done_before, state.continued = before.done, before.continued
        engine = _Engine(client.without_retries(), state, on_progress, timing)
        try:
            engine.run()
        except BaseException:
            engine.pool.abandon()
            # Closing the connections ends the running requests.
            client.close()
            checkpoint.commit()
            raise
        engine.pool.join()
        return engine.progress()


class _Engine:
    """The scheduling loop of one run."""

    def __init__(self, client: Safelight, state: RunState, on_progress: OnProgress | None, timing: Timing) -> None:
        self._client = client
        self._state = state
        self._on_progress = on_progress
        self._timing = timing
        fixed = state.options.concurrency
        self._limit = ConcurrencyLimit(fixed or MAX_LIMIT, fixed=fixed is not None)
        # One more thread, to inspect files.
        self.pool = WorkerPool(self._limit.maximum + 1)
        self._retries: deque[Task] = deque()
        #: Tasks that wait until a limit of the caller has room, and the time of their next try.
        self._held: list[tuple[float, Task]] = []
        self._active = 0
        self._started = self._last_success = timing.monotonic()
        self._next_progress = float("-inf")

    def run(self) -> None:
        """Run until nothing is left to do."""
        self.pool.scan(self._find_entries())
        while True:
            self._start_tasks()
            if not self._active and not self._retries and not self._held and scheduler.is_finished(self._state):
                break
            # The next round commits what is recorded here, before it sends requests.
            for result in self.pool.wait_for_results(self._wait_seconds()):
                self._record(result)
            self._report_progress()
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def progress(self) -> Progress:
        """Return the counts."""
        state = self._state
        counts = RunCounts(
            sent=state.sent_files,
            sent_bytes=state.sent_bytes,
            done_before=state.done_before,
            continued=state.continued,
            # A copy, because another thread counts.
            skipped=dict(state.skipped.most_common()),
        )
        downloading = state.options.out is not None
        return read_progress(state.checkpoint, downloading=downloading, scanned=state.scanned, run=counts)

    def _find_entries(self) -> Iterator[Entry | InvalidEntry]:
        options, skipped = self._state.options, self._state.skipped

        def count_skipped(path: str, reason: SkipReason) -> None:
            skipped[reason] += 1
            options.search.on_skip(path, reason)

        search = replace(options.search, on_skip=count_skipped)
        manifests = chain.from_iterable(map(read_manifest, options.manifests))
        return chain(find_entries(options.sources, search), manifests)

    def _start_tasks(self) -> None:
        now = self._timing.monotonic()
        if not self._state.inspecting:
            rows = scheduler.next_files_to_inspect(self._state, int(self._limit.limit))
            if rows:
                self._state.inspecting = True
                self.pool.start(None, partial(inspect_files, [(row.number, row.source) for row in rows]), now)
        self._retries.extend(task for at, task in self._held if at <= now)
        self._held = [(at, task) for at, task in self._held if at > now]
        tasks: list[Task] = []
        while self._limit.allows(self._active, now):
            task = self._retries.popleft() if self._retries else scheduler.next_task(self._state, now)
            if task is None:
                break
            self._active += 1
            tasks.append(task)
        # A request must be stored in the checkpoint before it is sent.
        self._state.checkpoint.commit()
        for task in tasks:
            self.pool.start(task, partial(task.call, self._client), now)

    def _record(self, result: TaskResult | ScanResult) -> None:
        state = self._state
        if isinstance(result, ScanResult):
            if result.error is not None:
                raise result.error
            changed = listing.add_entries(state.checkpoint, result.entries)
            downloading = state.options.out is not None
            state.done_before -= sum(is_done(each, downloading=downloading) for each in changed)
            state.continued -= sum(is_continued(each, downloading=downloading) for each in changed)
            state.scanned |= result.last
            self.pool.allow_next_scan_result()
        elif result.task is None:
            state.inspecting = False
            batches.create_chunk(state.checkpoint, result.value)
        else:
            self._active -= 1
            self._record_task(result.task, result)

    def _record_task(self, task: Task, result: TaskResult) -> None:
        now = self._timing.monotonic()
        if result.error is None:
            self._limit.record_success(self._active)
            self._last_success = now
            task.record(result.value, now)
        elif is_retryable(result.error) and self._schedule_retry(task, result.error, result.started, now):
            return
        elif not task.record_failure(result.error):
            raise IngestStopped(f"The ingest has stopped: {result.error}") from result.error
        if task.key is not None:
            self._state.busy.discard(task.key)

    def _schedule_retry(self, task: Task, error: ClientError, started: float, now: float) -> bool:
        """Lower the concurrency and schedule a retry. Return False if the task has no tries left."""
        jitter = self._timing.jitter()
        if is_quota_exceeded(error) and now - self._last_success <= self._state.options.patience:
            # Only this task waits: uploads and polls of the jobs that are open make room for it.
            delay = min(get_retry_after(error) or FIRST_PAUSE_SECONDS, MAX_RETRY_AFTER_SECONDS)
            self._held.append((now + delay * (1 + jitter / 4), task))
            return True
        self._limit.record_failure(started=started, now=now, jitter=jitter, retry_after=get_retry_after(error))
        patience = self._state.options.patience
        if self._last_success == self._started:
            if isinstance(error, Unreachable) and error.is_closed_port:
                raise IngestStopped(str(error)) from error
            patience = min(patience, FIRST_RESPONSE_SECONDS)
        if now - self._last_success > patience:
            raise IngestStopped(f"No request has succeeded for {now - self._last_success:.0f} s: {error}") from error
        if not is_server_unavailable(error):
            task.tries += 1
            if task.max_tries is not None and task.tries >= task.max_tries:
                return False
        self._retries.append(task)
        return True

    def _wait_seconds(self) -> float:
        """Return how long to wait for a result, in seconds. If no task is running, sleep for this time and return 0."""
        now = self._timing.monotonic()
        if self._limit.resume_at > now:
            wait = min(_TICK_SECONDS, self._limit.resume_at - now)
        elif self._limit.allows(self._active, now) and PollMembers.KEY not in self._state.busy:
            wait = min(_TICK_SECONDS, self._state.poller.seconds_until_due(now))
        else:
            wait = _TICK_SECONDS
        if self._active or self._state.inspecting or not self._state.scanned:
            return wait
        self._timing.sleep(wait)
        return 0.0

    def _report_progress(self) -> None:
        now = self._timing.monotonic()
        if self._on_progress is not None and now >= self._next_progress:
            started = time.perf_counter()
            self._on_progress(self.progress())
            # Counting a million files is slow. Increase the interval so that counting takes at most 5 % of the time.
            self._next_progress = now + _PROGRESS_SECONDS + 20 * (time.perf_counter() - started)
