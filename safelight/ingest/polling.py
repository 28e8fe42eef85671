"""Polling of the jobs in a batch. A request returns one page, which starts at the oldest open job."""

from dataclasses import dataclass

from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import FileError
from safelight.models import Job, MemberPage

PAGE_SIZE = 100
MIN_PAGE_SIZE = 10
MIN_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 5.0
_PAUSE_FACTOR = 1.5
#: Weight of the newest measurement of the rate.
_SMOOTHING = 0.7
#: The upload of a job that still waits for its file is confirmed if a worker has taken a job whose file was uploaded
#: this many seconds later.
CONFIRM_SECONDS = 30.0
#: If no job makes progress for this many seconds, the upload of the oldest waiting job is confirmed.
STANDSTILL_SECONDS = 60.0
_NOT_TAKEN = frozenset({"AWAITING_UPLOAD", "PENDING"})
#: Sorts after every job ID.
_AFTER_ALL_IDS = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for one page of a batch's jobs."""

    batch: int
    batch_id: str
    after: str | None
    #: The oldest open job, which the page should contain.
    oldest: str
    limit: int = PAGE_SIZE


class Poller:
    """Decides when to request which page. In a round, it requests pages until it has covered the older open jobs."""

    def __init__(self, now: float) -> None:
        """Start with a round of all open jobs, because jobs of an earlier run may have made progress."""
        self.first_round = True
        self._due = now
        self._position = (0, "")
        self._pause = MIN_PAUSE_SECONDS
        #: Ended jobs per second.
        self._rate = 0.0
        self._round_ended = 0
        self._last_round = now
        #: When the file of a job was uploaded that a worker has taken: the latest such time, seconds since the epoch.
        self._newest_taken = 0.0
        self._last_progress = now

    def seconds_until_due(self, now: float) -> float:
        """Return the seconds until the next page is due."""
        return max(0.0, self._due - now)

    def next_page(self, checkpoint: Checkpoint, now: float) -> PageRequest | None:
        """Return the next page to request, or None if none is due or no job is open."""
        if now < self._due:
            return None
        # Jobs that wait for their file can only expire, so only the first round includes them.
        states = (State.MEMBER, State.SENT) if self.first_round else (State.SENT,)
        row = checkpoint.database.execute(
            f"SELECT files.batch, job, batches.id FROM files JOIN batches ON batches.number = files.batch"  # noqa: S608
            f" WHERE state IN ({State.MEMBER:d}, {State.SENT:d}) AND state IN ({', '.join('?' * len(states))})"
            " AND (files.batch, job) > (?, ?) ORDER BY files.batch, job LIMIT 1",
            (*states, *self._position),
        ).fetchone()
        if row is None:
            if self._position == (0, ""):
                self.first_round = False
                self._due = now + MIN_PAUSE_SECONDS
            else:
                self._end_round(checkpoint, now)
            return None
        batch, job, batch_id = row
        (before,) = checkpoint.database.execute(
            "SELECT max(job) FROM files WHERE batch = ? AND job < ? AND job IS NOT NULL AND twin IS NULL", (batch, job)
        ).fetchone()
        return PageRequest(batch, batch_id, before, job, self._page_size(now))

    def record_page(
        self, checkpoint: Checkpoint, request: PageRequest, page: MemberPage, now: float, clock: float
    ) -> list[str]:
        """Record the statuses on a page. Return the jobs whose upload must be confirmed.

        These are jobs that still wait for a file that was uploaded, and jobs that are missing on the page. ``now`` is
        from the monotonic clock, and ``clock`` is in seconds since the epoch.
        """
        ended, still_open, waiting = 0, 0, []
        for job in page.items:
            row = checkpoint.database.execute(
                "SELECT number, state, digest, sent_at FROM files WHERE batch = ? AND job = ? AND twin IS NULL",
                (request.batch, job.id),
            ).fetchone()
            if row is None or row[1] not in {State.MEMBER, State.SENT}:
                continue
            number, state, digest, sent_at = row
            if job.status not in _NOT_TAKEN and (sent_at or 0.0) > self._newest_taken:
                self._newest_taken, self._last_progress = sent_at, now
            if job.done:
                ended += 1
                _record_end(checkpoint, number, State(state), digest, job)
            elif state == State.MEMBER and job.status != "AWAITING_UPLOAD":
                files.mark_sent(checkpoint, number, job.id, clock)
            elif state == State.SENT:
                still_open += 1
                if job.status == "AWAITING_UPLOAD":
                    waiting.append((sent_at or 0.0, job.id))
        if ended:
            self._last_progress = now
        self._round_ended += ended
        self._position = (request.batch, page.items[-1].id if page.items else _AFTER_ALL_IDS)
        if not self.first_round and still_open > request.limit // 2:
            # The next pages contain only newer jobs, of which few have ended.
            self._end_round(checkpoint, now)
        return self._find_lost(waiting, now) + _find_missing(checkpoint, request, page)

    def _find_lost(self, waiting: list[tuple[float, str]], now: float) -> list[str]:
        """Return the jobs whose S3 event seems to be lost. Jobs that only wait in a long queue are not included."""
        overtaken = [job for sent_at, job in waiting if sent_at + CONFIRM_SECONDS < self._newest_taken]
        if overtaken or not waiting or now - self._last_progress <= STANDSTILL_SECONDS:
            return overtaken
        self._last_progress = now
        return [waiting[0][1]]

    def _page_size(self, now: float) -> int:
        """Return 1.5 times the number of jobs that have probably ended. Smaller pages cost the API less."""
        if self.first_round or not self._rate:
            return PAGE_SIZE
        expected = self._rate * (now - self._last_round)
        return min(PAGE_SIZE, MIN_PAGE_SIZE + int(expected * 1.5))

    def _end_round(self, checkpoint: Checkpoint, now: float) -> None:
        self.first_round = False
        measured = self._round_ended / max(now - self._last_round, 0.001)
        # The first measurement counts fully. Smoothed from zero, the rate would stay too low for a while.
        self._rate += (_SMOOTHING if self._rate else 1.0) * (measured - self._rate)
        if self._round_ended:
            left = files.count_files(checkpoint, State.SENT, 2 * PAGE_SIZE)
            # Wait until most of a page should have ended, but only half of the last jobs, which delay the whole run.
            awaited = min(PAGE_SIZE * 0.8, left / 2)
            self._pause = min(MAX_PAUSE_SECONDS, max(MIN_PAUSE_SECONDS, awaited / self._rate))
        else:
            self._pause = min(MAX_PAUSE_SECONDS, self._pause * _PAUSE_FACTOR)
        self._due = now + self._pause
        self._last_round = now
        self._round_ended = 0
        self._position = (0, "")


def _find_missing(checkpoint: Checkpoint, request: PageRequest, page: MemberPage) -> list[str]:
    """Return the open jobs that are missing on the page. Jobs that can be on the next page are not included."""
    listed = {job.id for job in page.items}
    rows = checkpoint.database.execute(
        f"SELECT job FROM files WHERE batch = ? AND state IN ({State.MEMBER:d}, {State.SENT:d})"  # noqa: S608 - numbers
        " AND job > ? AND job <= ? AND twin IS NULL LIMIT ?",
        (request.batch, request.after or "", max(request.oldest, *listed), PAGE_SIZE),
    )
    return [job for (job,) in rows if job not in listed]


def _record_end(checkpoint: Checkpoint, number: int, state: State, digest: str | None, job: Job) -> None:
    if state == State.MEMBER and job.status == "EXPIRED":
        # Its bytes never arrived. The file gets another job.
        files.reset_file(checkpoint, number)
    elif digest is not None and job.succeeded and job.raw.digest not in {None, digest}:
        message = "The file changed during its upload. Run the same command again to upload it again."
        files.mark_refused(checkpoint, FileError(number, "FILE_CHANGED", message))
    else:
        files.mark_ended(checkpoint, number, job)
