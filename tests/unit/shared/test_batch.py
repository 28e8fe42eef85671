"""Counts of a batch, and the IDs of its members."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.sample_jobs import LATER, NOW, make_job, make_processing_job

from shared.jobs.batch import MAX_MEMBERS, Batch, BatchState, MemberCounts, count_changes, counter_of, member_id
from shared.jobs.job import Job, JobFailure, JobStatus
from shared.pipeline.pipeline import DEFAULT_PIPELINE

BATCH = Batch(
    id="B",
    owner="ann",
    name=None,
    created_at=NOW,
    added=5,
    expires_at=NOW + timedelta(days=1),
    pipeline=DEFAULT_PIPELINE,
)
SEED = "01HZY3Q1M8Z3J5W7XK9V000001"


@pytest.mark.parametrize(
    ("closed", "counts", "total", "is_open", "is_done"),
    [
        (True, MemberCounts(completed=2, failed=1, cancelled=1, expired=1), 5, 0, True),
        (True, MemberCounts(completed=2, failed=1, cancelled=1), 5, 1, False),
        (False, MemberCounts(completed=5), 5, 0, False),
        (True, MemberCounts(completed=3, deleted=2), 3, 0, True),
        (True, MemberCounts(deleted=5), 0, 0, True),
        (True, MemberCounts(completed=7), 7, 0, True),  # counts are newer than the batch
    ],
)
def test_a_closed_batch_is_done_once_all_members_have_ended(
    counts: MemberCounts, total: int, is_open: int, *, closed: bool, is_done: bool
) -> None:
    """Deleted members are not part of it."""
    state = BatchState(replace(BATCH, closed_at=NOW if closed else None), replace(counts, last_at=LATER))
    assert (state.total, state.open, state.is_done) == (total, is_open, is_done)
    assert state.finished_at == (LATER if is_done else None)


def test_a_batch_that_is_closed_late_is_done_when_it_is_closed() -> None:
    """Its last member has ended before, or it has none."""
    for last_at in (NOW, None):
        state = BatchState(replace(BATCH, added=0, closed_at=LATER), MemberCounts(last_at=last_at))
        assert state.finished_at == LATER


def end(status: JobStatus) -> Job:
    """Return a member with this status."""
    return replace(make_job(), status=status, error=JobFailure(code="X", message="m", retriable=True))


def test_each_step_moves_a_member_from_one_counter_to_another() -> None:
    """Steps between open states and after a deletion change none."""
    job = make_processing_job()
    failed = end(JobStatus.FAILED)
    deleted = failed.delete(now=NOW, due_at=NOW)
    assert count_changes(make_job(), job) == {}
    assert count_changes(job, failed) == {"Failed": 1}
    assert count_changes(failed, failed.retry(now=NOW, due_after=timedelta(0))) == {"Failed": -1}
    assert count_changes(failed, deleted) == {"Failed": -1, "Deleted": 1}
    assert count_changes(deleted, deleted.requeue(now=NOW, due_at=NOW)) == {}
    names = {status: counter_of(end(status)) for status in JobStatus}
    assert {status.name.title(): name for status, name in names.items() if name} == {
        name: name for name in ("Completed", "Failed", "Cancelled", "Expired")
    }


def test_member_ids_depend_on_request_and_position() -> None:
    """They are the same for a repeated request, sort by position, and can't be guessed without the seed."""
    ids = [member_id(SEED, NOW, index) for index in range(MAX_MEMBERS)]
    assert ids == [member_id(SEED, NOW, index) for index in range(MAX_MEMBERS)]
    assert ids == sorted(set(ids))
    drawn = {each[-12:] for each in ids} | {member_id(SEED[::-1], NOW, index)[-12:] for index in range(MAX_MEMBERS)}
    assert len(drawn) == 2 * MAX_MEMBERS
    for index in (-1, MAX_MEMBERS):
        with pytest.raises(ValueError, match=str(index)):
            member_id(SEED, NOW, index)
