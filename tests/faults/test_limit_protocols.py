"""Limits of owners: token buckets, open jobs and bytes per day, between requests that run at the same time.

On the doubles of AWS, through the real tables.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from faults.simulator.settings import BUCKET
from faults.simulator.stage import MILLISECOND, MINUTE, Stage
from support.sample_jobs import NOW, make_job

from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.expressions import is_refused
from shared.aws.dynamodb.idempotency.token_buckets import TokenBuckets, Tokens
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.owner_quotas import OwnerLimits, OwnerQuotas, count_opening
from shared.aws.dynamodb.transactions import transact
from shared.errors import DailyBytesExceeded, ServiceError, TooManyOpenJobs
from shared.jobs.backfill import Backfill, BackfillFilter
from shared.jobs.batch import Batch
from shared.jobs.job import Job, RawImage
from shared.jobs.upload_declaration import UploadDeclaration
from shared.pipeline.pipeline import DEFAULT_PIPELINE

BATCHES = "BatchTable"
LIMIT = 3


@pytest.fixture
def buckets(stage: Stage) -> TokenBuckets:
    """Return the token buckets."""
    return TokenBuckets(stage.jobs._client, "IdempotencyTable")


def take(buckets: TokenBuckets, name: str, *, after: timedelta = timedelta(0), owner: str = "ann") -> Tokens:
    """Take a token for a request."""
    return buckets.take(owner, name, limit=LIMIT, now=NOW + after)


def test_a_bucket_has_as_many_tokens_as_its_limit(buckets: TokenBuckets) -> None:
    """The next one comes back after a third of a minute, not a millisecond earlier. Other owners have their own."""
    assert [take(buckets, name).remaining for name in "abc"] == [2, 1, 0]
    refused = take(buckets, "d")
    assert (refused.remaining, refused.retry_in, refused.full_in) == (0, MINUTE / 3, MINUTE)
    assert take(buckets, "d", owner="bob").retry_in is None
    assert take(buckets, "d", after=MINUTE / 3 - MILLISECOND).retry_in == MILLISECOND
    assert take(buckets, "d", after=MINUTE / 3).retry_in is None
    assert take(buckets, "e", after=MINUTE / 3).retry_in == MINUTE / 3


def test_a_repeated_request_takes_no_second_token(buckets: TokenBuckets) -> None:
    """Neither from a full bucket nor from a partly used one, nor if it took the last token."""
    for name in "aabbcc":
        tokens = take(buckets, name)
        assert tokens.retry_in is None
    assert tokens.remaining == 0


def test_a_write_whose_response_was_lost_takes_one_token(
    stage: Stage, buckets: TokenBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore sends it again, to a full bucket or a partly used one."""
    stage.send_twice(monkeypatch)
    assert [take(buckets, name).remaining for name in "abc"] == [2, 1, 0]


def test_a_token_is_taken_on_the_newest_state(buckets: TokenBuckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that expects a partly used bucket is refused once other requests have emptied it."""
    take(buckets, "a")
    real = buckets._write

    def write_late(owner: str, draw: object, *, is_full: bool) -> object:  # noqa: ARG001 - as read
        monkeypatch.setattr(buckets, "_write", real)
        for name in "bc":
            take(buckets, name)
        return real(owner, draw, is_full=False)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(buckets, "_write", write_late)
    assert take(buckets, "d").retry_in == MINUTE / 3


def make_quotas(stage: Stage, *, open_jobs: int = 0, daily_bytes: int = 0) -> OwnerQuotas:
    """Return the counts of owners with these limits."""
    limits = OwnerLimits(open_jobs=open_jobs, daily_bytes=daily_bytes, unknown_bytes=100)
    return OwnerQuotas(stage.jobs._client, BATCHES, limits)


def counted(owner: str = "ann", size: int | None = 10, **changes: object) -> Job:
    """Return a counted job."""
    made = make_job()
    raw = RawImage(key=made.raw.key, size=size)
    return replace(made, owner=owner, raw=raw, is_counted=True, **changes)  # type: ignore[arg-type] # fields


def reserve(stage: Stage, quotas: OwnerQuotas, *jobs: Job) -> None:
    """Count new jobs."""
    transact(stage.jobs._client, [quotas.reserve(jobs)])


def end(stage: Stage, before: Job, after: Job) -> None:
    """Count a transition."""
    if writes := count_opening(BATCHES, before, after):
        transact(stage.jobs._client, writes)


def test_exactly_the_limit_of_jobs_can_be_open(stage: Stage) -> None:
    """The error says how many more are possible. Another owner has a limit of its own."""
    quotas, job = make_quotas(stage, open_jobs=3), counted()
    reserve(stage, quotas, job, job)
    with pytest.raises(TooManyOpenJobs, match="1 more are possible"):
        quotas.reserve([job, job])
    reserve(stage, quotas, job)
    with pytest.raises(TooManyOpenJobs, match="0 more are possible"):
        quotas.reserve([job])
    reserve(stage, quotas, counted("bob"))


def test_jobs_that_end_make_room_once(stage: Stage) -> None:
    """By any end. A deletion after the end, a step between open states and an uncounted job change nothing."""
    quotas, job = make_quotas(stage, open_jobs=1), counted()
    cancelled = job.cancel(now=NOW)
    tombstone = job.delete(now=NOW, due_at=NOW)
    for after in (cancelled, tombstone):
        reserve(stage, quotas, job)
        end(stage, job, job.requeue(now=NOW, due_at=NOW))
        end(stage, replace(job, is_counted=False), replace(cancelled, is_counted=False))
        with pytest.raises(TooManyOpenJobs):
            quotas.reserve([job])
        end(stage, job, after)
        reserve(stage, quotas, job)
        end(stage, job, after)
        end(stage, after, replace(after, deleted_at=NOW))
    reserve(stage, quotas, job)
    end(stage, job, cancelled)
    end(stage, cancelled, cancelled.retry(now=NOW, due_after=MINUTE))
    with pytest.raises(TooManyOpenJobs):
        quotas.reserve([job])


@pytest.mark.parametrize("limits", [{"open_jobs": 2}, {"daily_bytes": 25}])
def test_concurrent_requests_do_not_exceed_a_limit(stage: Stage, limits: dict[str, int]) -> None:
    """Both have read the same counts; the second write is refused."""
    quotas, job = make_quotas(stage, **limits), counted()
    reserve(stage, quotas, job)
    first, second = quotas.reserve([job]), quotas.reserve([job])
    transact(stage.jobs._client, [first])
    with pytest.raises(ServiceError) as caught:
        transact(stage.jobs._client, [second])
    assert is_refused(caught.value)


def test_bytes_count_until_midnight(stage: Stage) -> None:
    """Up to the last byte. A declared size counts as it is, an unknown one as the largest, an empty file as nothing."""
    quotas = make_quotas(stage, daily_bytes=120)
    reserve(stage, quotas, counted(size=0))
    reserve(stage, quotas, counted(size=None, declaration=UploadDeclaration(media_type="image/png", size=20)))
    reserve(stage, quotas, counted(size=None))
    with pytest.raises(DailyBytesExceeded, match="120 are used") as caught:
        quotas.reserve([counted(size=1)])
    seconds = caught.value.retry_after_seconds
    assert seconds is not None
    tomorrow = NOW + timedelta(seconds=seconds)
    assert (tomorrow - timedelta(seconds=1)).date() == NOW.date() != tomorrow.date()
    reserve(stage, quotas, counted(size=100, uploaded_at=tomorrow))
    reserve(stage, quotas, counted(size=20, uploaded_at=tomorrow))
    with pytest.raises(DailyBytesExceeded):
        quotas.reserve([counted(size=1, uploaded_at=tomorrow)])


def test_a_conflict_of_counts_is_resolved(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is written once its owner's counts, read again, leave room. Its record says that it is counted."""
    quotas, job = make_quotas(stage, open_jobs=2), stage.create()
    table = JobTable(
        stage.jobs._client, "JobTable", batch_table=BATCHES, bucket=BUCKET, listing_shards=4, quotas=quotas
    )
    made = replace(job, id=stage.functions.new_id(), owner="ann", raw=replace(job.raw, size=1))
    outdated = [quotas.reserve([made])]
    other = counted()
    reserve(stage, quotas, other, other)
    end(stage, other, other.cancel(now=NOW))
    real = quotas.reserve
    monkeypatch.setattr(quotas, "reserve", lambda jobs: outdated.pop() if outdated else real(jobs))
    created = table.create(made)
    assert created.is_counted
    assert outdated == []
    with pytest.raises(TooManyOpenJobs):
        table.create(replace(made, id=stage.functions.new_id()))
    assert table.create(made).id == created.id, "a repetition gets its job"
    with pytest.raises(TooManyOpenJobs):
        table.require_room(replace(made, id=stage.functions.new_id()))
    end(stage, created, created.cancel(now=NOW))
    table.require_room(replace(made, id=stage.functions.new_id()))
    stage.world.watch.breaches.clear()  # its raw image does not matter here


def test_members_of_a_backfill_count(stage: Stage) -> None:
    """In the transaction that creates them."""
    quotas = make_quotas(stage, open_jobs=3)
    table = BatchTable(
        stage.jobs._client, BATCHES, job_table="JobTable", bucket=BUCKET, listing_shards=4, quotas=quotas
    )
    backfill = Backfill(filter=BackfillFilter(), before="x")
    batch = Batch(
        id=stage.functions.new_id(),
        owner="ann",
        name=None,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
        pipeline=DEFAULT_PIPELINE,
        backfill=backfill,
    )
    table.create(batch)
    jobs = [counted(id=stage.functions.new_id(), batch_id=batch.id) for _ in range(2)]
    assert table.advance(batch, jobs, replace(backfill, before="w"), at=NOW, expires_at=batch.expires_at)
    with pytest.raises(TooManyOpenJobs, match="1 more are possible"):
        quotas.reserve(jobs)
    stage.world.watch.breaches.clear()  # their raw images do not matter here
