"""Looking how jobs end, in pages that begin where open ones are; about one page for every page full of ends."""

from dataclasses import dataclass

from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import Refusal
from safelight.models import Job, MemberPage

PAGE = 100
LEAST = 10
SOONEST_SECONDS = 0.25
LATEST_SECONDS = 5.0
_GROWTH = 1.5
#: Weight of the newest measurement of the rate.
_SMOOTHING = 0.3
#: A job that awaits its bytes, though one whose bytes were sent so much later has been taken, is told of them.
CONFIRM_SECONDS = 30.0
#: Where nothing has moved for so long, the oldest one is told: what becomes of that shows how long the queue is.
STANDSTILL_SECONDS = 60.0
_UNTAKEN = frozenset({"AWAITING_UPLOAD", "PENDING"})


@dataclass(frozen=True, slots=True)
class Look:
    """One page to ask for."""

    batch: int
    batch_id: str
    after: str | None
    #: The job because of which it is asked for.
    oldest: str
    limit: int = PAGE


class Watch:
    """Decides when to look, and where."""

    def __init__(self, now: float) -> None:
        """Begin with a whole round: a run before this one may have left jobs that have gone on since."""
        self.first_round = True
        self._due = now
        self._position = (0, "")
        self._pause = SOONEST_SECONDS
        self._rate = 0.0
        """Ends per second."""
        self._round_began = now
        self._round_ends = 0
        self._last_round = now
        self._newest_taken = 0.0
        """When the bytes were sent of the youngest job that a worker has taken, seconds since the epoch."""
        self._moved = now

    def due_in(self, now: float) -> float:
        """Return the seconds until the next look."""
        return max(0.0, self._due - now)

    def next_look(self, checkpoint: Checkpoint, now: float) -> Look | None:
        """Return the next page, None if none is due or no job is open."""
        if now < self._due:
            return None
        # Jobs that await bytes end only by expiring: only the first round asks for them.
        states = (State.MEMBER, State.SENT) if self.first_round else (State.SENT,)
        found = checkpoint.database.execute(
            f"SELECT files.batch, job, batches.id FROM files JOIN batches ON batches.number = files.batch"  # noqa: S608
            f" WHERE state IN ({State.MEMBER:d}, {State.SENT:d}) AND state IN ({', '.join('?' * len(states))})"
            " AND (files.batch, job) > (?, ?) ORDER BY files.batch, job LIMIT 1",
            (*states, *self._position),
        ).fetchone()
        if found is None:
            if self._position == (0, ""):
                self.first_round = False
                self._due = now + SOONEST_SECONDS
            else:
                self._end_round(checkpoint, now)
            return None
        batch, job, batch_id = found
        (before,) = checkpoint.database.execute(
            "SELECT max(job) FROM files WHERE batch = ? AND job < ? AND job IS NOT NULL AND twin IS NULL", (batch, job)
        ).fetchone()
        return Look(batch, batch_id, before, job, self._limit(now))

    def saw(self, checkpoint: Checkpoint, look: Look, page: MemberPage, now: float, clock: float) -> list[str]:
        """Write what a page shows; return the jobs to ask after: they await bytes that were sent, or are missing.

        ``now`` is that of the monotonic clock, ``clock`` in seconds since the epoch.
        """
        ended, still_open, untaken = 0, 0, []
        for job in page.items:
            row = checkpoint.database.execute(
                "SELECT number, state, digest, sent_at FROM files WHERE batch = ? AND job = ? AND twin IS NULL",
                (look.batch, job.id),
            ).fetchone()
            if row is None or row[1] not in {State.MEMBER, State.SENT}:
                continue
            number, state, digest, sent_at = row
            if job.status not in _UNTAKEN and (sent_at or 0.0) > self._newest_taken:
                self._newest_taken, self._moved = sent_at, now
            if job.done:
                ended += 1
                _note_end(checkpoint, number, State(state), digest, job)
            elif state == State.MEMBER and job.status != "AWAITING_UPLOAD":
                files.note_sent(checkpoint, number, job.id, clock)
            elif state == State.SENT:
                still_open += 1
                if job.status == "AWAITING_UPLOAD":
                    untaken.append((sent_at or 0.0, job.id))
        if ended:
            self._moved = now
        self._round_ends += ended
        self._position = (look.batch, page.items[-1].id if page.items else "\U0010ffff")
        if not self.first_round and still_open > look.limit // 2:
            # What follows is younger still.
            self._end_round(checkpoint, now)
        return self._lost(untaken, now) + _missing(checkpoint, look, page)

    def _lost(self, untaken: list[tuple[float, str]], now: float) -> list[str]:
        """Return the jobs whose message seems to be lost; those that only wait in a long queue are none."""
        overtaken = [job for sent_at, job in untaken if sent_at + CONFIRM_SECONDS < self._newest_taken]
        if overtaken or not untaken or now - self._moved <= STANDSTILL_SECONDS:
            return overtaken
        self._moved = now
        return [untaken[0][1]]

    def _limit(self, now: float) -> int:
        """Return how many jobs to look at: somewhat more than should have ended; each costs the API something."""
        if self.first_round or not self._rate:
            return PAGE
        expected = self._rate * (now - self._last_round)
        return min(PAGE, LEAST + int(expected * 1.5))

    def _end_round(self, checkpoint: Checkpoint, now: float) -> None:
        self.first_round = False
        measured = self._round_ends / max(now - self._last_round, 0.001)
        # The first rate that there is counts whole: smoothed from nothing it would be far too low for a while.
        self._rate += (_SMOOTHING if self._rate else 1.0) * (measured - self._rate)
        if self._round_ends:
            left = files.count(checkpoint, State.SENT, PAGE)
            # Until most of a page should have ended; of the last ones half, as the whole run waits for the last look.
            awaited = PAGE * 0.8 if left == PAGE else left / 2
            self._pause = min(LATEST_SECONDS, max(SOONEST_SECONDS, awaited / self._rate))
        else:
            self._pause = min(LATEST_SECONDS, self._pause * _GROWTH)
        self._due = now + self._pause
        self._last_round = now
        self._round_ends = 0
        self._position = (0, "")


def _missing(checkpoint: Checkpoint, look: Look, page: MemberPage) -> list[str]:
    """Return the open jobs that a page should have shown; further ones may be younger than the page."""
    shown = {job.id for job in page.items}
    rows = checkpoint.database.execute(
        f"SELECT job FROM files WHERE batch = ? AND state IN ({State.MEMBER:d}, {State.SENT:d})"  # noqa: S608 - numbers
        " AND job > ? AND job <= ? AND twin IS NULL LIMIT ?",
        (look.batch, look.after or "", max(look.oldest, *shown), PAGE),
    )
    return [job for (job,) in rows if job not in shown]


def _note_end(checkpoint: Checkpoint, number: int, state: State, digest: str | None, job: Job) -> None:
    if state == State.MEMBER and job.status == "EXPIRED":
        # Its bytes never came; the file begins again with a job of its own.
        files.find_again(checkpoint, number)
    elif digest is not None and job.succeeded and job.raw.digest not in {None, digest}:
        message = "The file changed while it was sent; run the same command again to send it."
        files.refuse(checkpoint, Refusal(number, "FILE_CHANGED", message))
    else:
        files.note_ended(checkpoint, number, job)
