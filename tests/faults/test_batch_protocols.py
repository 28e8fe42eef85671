"""Batches, their members, listings and uploads: what each write compares, and what each page shows.

On the doubles of AWS, through the real tables and use cases.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from faults.simulator import rendering
from faults.simulator.stage import MILLISECOND, MINUTE, Stage

from api.batches.schemas import BatchRequest
from api.batches.use_cases import Batches
from api.jobs.job_spec import Catalog
from api.uploads.schemas import UploadRequest
from api.uploads.use_cases import GRACE, Uploads
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.job_listing import JobListing, JobQuery
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    JobNotFound,
    NotAwaitingUpload,
    ServiceThrottled,
    UploadIncomplete,
)
from shared.jobs.batch import Batch, MemberScan
from shared.jobs.job import ANONYMOUS, Job, JobFailure, JobStatus, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.object_keys import direct_key
from shared.jobs.upload_declaration import UploadDeclaration
from shared.pipeline.pipeline import DEFAULT_PIPELINE

FAILURE = JobFailure(code="ATTEMPTS_EXHAUSTED", message="m", retriable=True)
ITEM: dict[str, object] = {"content_type": "image/jpeg"}


@pytest.fixture
def batches(stage: Stage) -> Batches:
    """Return what owners can do with batches."""
    return Batches.of(stage.functions.dependencies)


@pytest.fixture
def catalog(stage: Stage) -> Catalog:
    """Return the presets, assets and webhooks of the owner."""
    return Catalog.of(stage.functions.dependencies, ANONYMOUS)


def create(stage: Stage, batches: Batches, catalog: Catalog, items: int = 0, **fields: Any) -> Batch:
    """Create a batch with members that await uploads."""
    request = BatchRequest.model_validate({"items": [ITEM] * items, **fields})
    batch_id, at = stage.functions.new_id(), stage.world.now
    added = batches.create(request, ANONYMOUS, catalog, batch_id=batch_id, at=at, is_repeat=False)
    assert added.batch_id == batch_id
    return batches.get(batch_id, ANONYMOUS).batch


def add(stage: Stage, batches: Batches, catalog: Catalog, batch: Batch, **options: Any) -> list[Any]:
    """Add two members with a request whose reservation is always the same."""
    given: dict[str, Any] = {
        "seed": batch.id,
        "at": stage.world.now + MINUTE,
        "is_repeat": False,
        "close": False,
    } | options
    return list(batches.add_members(batch.id, [ITEM, ITEM], ANONYMOUS, catalog, **given).jobs)


def list_members(batches: Batches, batch: Batch) -> list[Job]:
    """Return all members."""
    return [job for chunk in batches.members.chunks(batch.id, "") for job in chunk]


def test_a_batch_belongs_to_its_owner_until_it_expires(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """Everyone else gets 404, and so does everyone afterwards."""
    batch = create(stage, batches, catalog)
    with pytest.raises(BatchNotFound):
        batches.get(batch.id, "bob")
    assert batches.get(batch.id.lower(), ANONYMOUS).batch == batch
    for now, is_there in ((batch.expires_at - MILLISECOND, True), (batch.expires_at, False)):
        if is_there:
            assert batches.table.get(batch.id, ANONYMOUS, now=now).batch == batch
        else:
            with pytest.raises(BatchNotFound):
                batches.table.get(batch.id, ANONYMOUS, now=now)


def test_a_repeated_request_creates_its_members_once(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """Even if the batch was closed meanwhile. A new request is refused then."""
    batch = create(stage, batches, catalog)
    first = add(stage, batches, catalog, batch, close=True)
    closed = batches.get(batch.id, ANONYMOUS).batch
    at = stage.world.now + MINUTE
    assert closed.closed_at == at
    stage.world.pass_time(timedelta(hours=1))
    again = add(stage, batches, catalog, batch, at=at, is_repeat=True, close=True)
    assert [job.id for job in again] == [job.id for job in first]
    assert batches.get(batch.id, ANONYMOUS).batch == closed
    with pytest.raises(BatchClosed):
        add(stage, batches, catalog, batch, seed=stage.functions.new_id())
    assert [job.id for job in list_members(batches, batch)] == [job.id for job in first]
    assert batches.get(batch.id, ANONYMOUS).total == 2


@pytest.mark.parametrize("created", [0, 1])
def test_a_repeated_request_completes_its_batch(
    stage: Stage, batches: Batches, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, created: int
) -> None:
    """With the same IDs, whatever the first try has created before it was killed. The batch keeps its time."""
    request = BatchRequest.model_validate({"items": [ITEM] * 3, "close": True})
    batch_id, at = stage.functions.new_id(), stage.world.now
    append, chunks = type(batches.table).append, iter(range(2))

    def die(table: BatchTable, *given: Any, **more: Any) -> None:
        if next(chunks) == created:
            raise ServiceThrottled(retry_after_seconds=1)
        append(table, *given, **more)

    monkeypatch.setattr("api.batches.members.CHUNK_SIZE", 2)
    with monkeypatch.context() as patch:
        patch.setattr(BatchTable, "append", die)
        with pytest.raises(ServiceThrottled):
            batches.create(request, ANONYMOUS, catalog, batch_id=batch_id, at=at, is_repeat=False)
    before = batches.get(batch_id, ANONYMOUS)
    kept = list_members(batches, before.batch)
    assert (before.total, len(kept), before.batch.closed_at) == (2 * created, 2 * created, None)
    stage.world.pass_time(timedelta(hours=1))
    for _ in range(2):
        added = batches.create(request, ANONYMOUS, catalog, batch_id=batch_id, at=at, is_repeat=True)
        assert [*added.jobs] == list_members(batches, before.batch)
        assert [*added.jobs[: len(kept)]] == kept
        after = batches.get(batch_id, ANONYMOUS)
        assert (after.total, after.batch.created_at, after.batch.closed_at) == (3, at, at)


def test_a_batch_that_is_closed_meanwhile_gets_no_members(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """The write compares it. A chunk that exists already is not written again, and a part of one is not enough."""
    batch = create(stage, batches, catalog)
    jobs = [job for job in add(stage, batches, catalog, batch) if isinstance(job, Job)]
    batches.table.append(batch.id, jobs, expires_at=batch.expires_at)
    assert batches.get(batch.id, ANONYMOUS).total == 2
    batches.close(batch.id, ANONYMOUS, at=stage.world.now)
    batches.close(batch.id, ANONYMOUS, at=stage.world.now + MINUTE)
    assert batches.get(batch.id, ANONYMOUS).batch.closed_at == stage.world.now
    others = [replace(job, id=stage.functions.new_id()) for job in jobs]
    with pytest.raises(BatchClosed):
        batches.table.append(batch.id, others, expires_at=batch.expires_at)
    assert len(list_members(batches, batch)) == 2


def test_invalid_members_do_not_stop_the_others(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """Each gets an error or a job."""
    batch = create(stage, batches, catalog)
    items: list[dict[str, object]] = [ITEM, {"content_type": "text/html"}, {"surprise": 1}, ITEM]
    added = batches.add_members(
        batch.id, items, ANONYMOUS, catalog, seed=batch.id, at=stage.world.now, is_repeat=False, close=False
    )
    assert [isinstance(member, Job) for member in added.jobs] == [True, False, False, True]
    assert not stage.world.bulk_queue.messages, "they await uploads"


def test_cancelling_a_batch_closes_it_and_cancels_open_members(
    stage: Stage, batches: Batches, catalog: Catalog
) -> None:
    """Members that have ended stay, and so do members that change meanwhile; nothing is counted twice."""
    batch = create(stage, batches, catalog, 4)
    ended, gone, *_ = list_members(batches, batch)
    stage.jobs.compare_and_swap(ended, ended.expire(FAILURE, now=stage.world.now))
    stage.jobs.compare_and_swap(gone, gone.delete(now=stage.world.now, due_at=stage.world.now))
    later = stage.world.now + MINUTE
    progress = batches.cancel(batch.id, ANONYMOUS, at=later, until=later)
    assert (progress.done, progress.is_over) == (2, True)
    state = batches.get(batch.id, ANONYMOUS)
    assert (state.batch.closed_at, state.batch.cancelling, state.is_done) == (later, None, True)
    assert (state.counts.cancelled, state.counts.expired, state.counts.deleted, state.total) == (2, 1, 1, 3)


def test_a_retry_of_failed_members_repeats_none(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """Neither those that have failed again since the scan started, nor members that have not failed."""
    batch = create(stage, batches, catalog, 3)
    start = stage.world.now
    first, second, third = list_members(batches, batch)

    def fail(job: Job, at: datetime) -> Job:
        """Store a member as failed."""
        arrived = job.confirm_upload(size=1, now=at, due_at=at)
        failed = arrived.fail(FAILURE, now=at)
        assert stage.jobs.compare_and_swap(job, arrived)
        assert stage.jobs.compare_and_swap(arrived, failed)
        return failed

    failed = [fail(first, start), fail(second, start + MINUTE)]
    cancelled = third.cancel(now=start)
    assert stage.jobs.compare_and_swap(third, cancelled)
    times = count()

    def run(steps: int) -> Any:
        """Handle at most this many members."""

        def tick() -> datetime:
            return start + next(times) * MINUTE

        made = replace(batches, clock=tick, scans=replace(batches.scans, clock=tick))
        begin = start + next(times) * MINUTE
        return made.retry_failed(batch.id, ANONYMOUS, at=start, until=begin + (steps + 2) * MINUTE)

    begun = run(1)
    assert not begun.is_over
    assert batches.get(batch.id, ANONYMOUS).batch.retrying == MemberScan(started_at=start, after=failed[0].id)
    rest = run(10)
    assert (begun.done, rest.done, rest.is_over) == (1, 0, True)
    assert stage.jobs.get(failed[0].id).generation == 2
    assert stage.jobs.get(failed[1].id) == failed[1]
    assert stage.jobs.get(cancelled.id) == cancelled
    assert batches.get(batch.id, ANONYMOUS).batch.retrying is None


def test_batches_and_members_are_listed_page_by_page(stage: Stage, batches: Batches, catalog: Catalog) -> None:
    """Each once: batches newest first, members oldest first, with and without a status, without deleted ones."""
    made = [create(stage, batches, catalog, 0) for _ in range(5)]
    found, before = [], None
    while True:
        page = batches.table.page(ANONYMOUS, before_id=before, limit=2, now=stage.world.now)
        found += [state.batch.id for state in page.states]
        before = page.next_before_id
        if before is None:
            break
    assert found == sorted((batch.id for batch in made), reverse=True)
    batch = create(stage, batches, catalog, 5)
    jobs = list_members(batches, batch)
    assert stage.jobs.compare_and_swap(jobs[1], jobs[1].delete(now=stage.world.now, due_at=stage.world.now))
    assert stage.jobs.compare_and_swap(jobs[3], jobs[3].cancel(now=stage.world.now))
    ids = [job.id for number, job in enumerate(jobs) if number != 1]
    for status, expected in ((None, ids), (JobStatus.CANCELLED, [jobs[3].id])):
        listed, after = [], ""
        while True:
            members = batches.members.page(batch.id, after=after, limit=2, status=status)
            listed += [job.id for job in members.jobs]
            if members.next_after is None:
                break
            after = members.next_after
        assert listed == expected
    assert [job.id for job in list_members(batches, batch)] == ids


def test_a_listing_shows_own_jobs_that_have_not_expired(stage: Stage) -> None:
    """Also of a batch that has members of others."""
    now, listing = stage.world.now, stage.functions.dependencies.listing
    own = stage.create(batch_id="B", expires_at=now + MINUTE)
    stage.create(batch_id="B", owner="bob")
    stage.create(batch_id="B", expires_at=now)
    for batch_id in ("B", None):
        page = listing.page(JobQuery(owner=ANONYMOUS, batch_id=batch_id, now=now))
        assert [job.id for job in page.jobs] == [own.id]
    stage.world.watch.breaches.clear()  # these members have no batch


def test_records_that_dynamodb_leaves_out_are_read_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it leaves them out every time, the listing fails instead of hiding them."""
    ids = [stage.create().id for _ in range(4)]
    listing: JobListing = stage.functions.dependencies.listing
    client: Any = listing._client
    real: Callable[..., Any] = client._make_api_call

    def leave_out(operation: str, request: dict[str, Any]) -> Any:
        (keys,) = (each["Keys"] for each in request["RequestItems"].values())
        if len(keys) == 1:
            return real(operation, request)
        first = real(operation, {"RequestItems": {"JobTable": {"Keys": keys[:1], "ConsistentRead": True}}})
        return first | {"UnprocessedKeys": {"JobTable": {"Keys": keys[1:]}}}

    monkeypatch.setattr("shared.aws.dynamodb.batch_reads.time.sleep", lambda _: None)
    monkeypatch.setattr(client, "_make_api_call", leave_out)
    assert [job.id for job in listing.fetch(ids)] == ids
    nothing = {"Responses": {}, "UnprocessedKeys": {"JobTable": {"Keys": [{"ID": {"S": ids[0]}}]}}}
    monkeypatch.setattr(client, "_make_api_call", lambda *_: nothing)
    with pytest.raises(ServiceThrottled):
        listing.fetch(ids)


def make_upload(stage: Stage, *, due_at: datetime, **changes: Any) -> Job:
    """Store a job that awaits an upload."""
    job_id = stage.functions.new_id()
    now = stage.world.now
    job = Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id=job_id,
        filename="a.jpg",
        raw=RawImage(key=direct_key(job_id, bulk=False)),
        owner=ANONYMOUS,
        now=now,
        due_after=due_at - now,
        retention=timedelta(days=1),
        declaration=UploadDeclaration(media_type="image/jpeg"),
    )
    return stage.jobs.create(replace(job, **changes))


@pytest.fixture
def uploads(stage: Stage) -> Uploads:
    """Return what owners can do with uploads."""
    return Uploads.of(stage.functions.dependencies)


def put_object(stage: Stage, key: str) -> None:
    """Store an object, as S3 does for a form."""
    stage.world.bucket.call(
        "PutObject", {"Bucket": stage.functions.dependencies.images.bucket, "Key": key, "Body": rendering.GOOD}
    )


def test_a_form_ends_before_its_job_expires(stage: Stage, uploads: Uploads) -> None:
    """There is none for a job that awaits nothing, nor once its time is over."""
    now = stage.world.now
    request = UploadRequest.model_validate(ITEM)
    announced = uploads.announce(
        request, JobSpec(DEFAULT_PIPELINE), ANONYMOUS, job_id=stage.functions.new_id(), at=now
    ).job
    assert announced.due_at == now + uploads.lifetime + GRACE
    form = uploads.sign_form(make_upload(stage, due_at=now + GRACE + MINUTE))
    assert form is not None
    assert form.expires_at == now + MINUTE
    for job in (make_upload(stage, due_at=now + GRACE), stage.create(due_at=now + GRACE + MINUTE)):
        assert uploads.sign_form(job) is None


def test_only_a_job_that_awaits_an_upload_is_renewed(stage: Stage, uploads: Uploads) -> None:
    """For its owner, and for the full time."""
    job = make_upload(stage, due_at=stage.world.now + MINUTE)
    assert uploads.renew(job.id, ANONYMOUS).due_at == stage.world.now + uploads.lifetime + GRACE
    with pytest.raises(JobNotFound):
        uploads.renew(job.id, "bob")
    with pytest.raises(NotAwaitingUpload):
        uploads.renew(stage.create().id, ANONYMOUS)


def test_an_upload_is_confirmed_once_and_only_if_it_is_there(
    stage: Stage, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object with a longer key is another one. A second confirmation, even a concurrent one, changes nothing."""
    job = make_upload(stage, due_at=stage.world.now + MINUTE)
    put_object(stage, job.raw.key + "-other")
    with pytest.raises(UploadIncomplete):
        uploads.confirm(job.id, ANONYMOUS)
    put_object(stage, job.raw.key)
    real = stage.jobs.transition

    def transition_late(seen: Job, new: Job) -> Job:
        monkeypatch.setattr(stage.jobs, "transition", real)
        stage.world.pass_time(MILLISECOND)
        assert isinstance(uploads.confirm(job.id, ANONYMOUS).job, Job)
        return real(seen, new)

    monkeypatch.setattr(stage.jobs, "transition", transition_late)
    confirmed = uploads.confirm(job.id, ANONYMOUS).job
    assert (confirmed.status, confirmed.raw.size) == (JobStatus.PENDING, len(rendering.GOOD))
    assert [line.status for line in confirmed.history] == [JobStatus.AWAITING_UPLOAD, JobStatus.PENDING]
    messages = len(stage.world.queue.messages)
    assert messages >= 1
    assert uploads.confirm(job.id, ANONYMOUS).job == confirmed
    assert len(stage.world.queue.messages) == messages
    with pytest.raises(JobNotFound):
        uploads.confirm(job.id, "bob")


def test_a_claim_takes_an_upload_only_with_its_event(stage: Stage) -> None:
    """A message alone does not start it."""
    job = make_upload(stage, due_at=stage.world.now + MINUTE)
    assert not isinstance(stage.claim(job), Job)
    assert stage.jobs.get(job.id) == job
