"""Checks at the end of a run: every job has ended, and everything is consistent."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from faults.simulator import rendering
from faults.simulator.buckets import Stored
from faults.simulator.invariants import get_raw_job, get_raw_key
from faults.simulator.settings import Blueprint
from faults.simulator.world import World

from shared.aws.dynamodb.walks.walk_table import WALKS
from shared.jobs.job import JobStatus
from shared.jobs.recovery import RecoveryPolicy, compute_longest_lifetime

#: As in docs/reliability.md: period and margin are a minute each.
MARGIN = timedelta(minutes=1)
#: Error codes that a good image can end with.
NO_FAULT_OF_THE_PICTURE = frozenset({"ATTEMPTS_EXHAUSTED", "JOB_CANCELLED"})
#: Error codes of an upload whose bytes were late; a retry before they arrive finds nothing.
WITHOUT_BYTES = frozenset({"UPLOAD_EXPIRED", "RAW_IMAGE_MISSING"})
#: Error codes of an import whose object was deleted or replaced.
WITHOUT_SOURCE = frozenset({"SOURCE_MISSING", "SOURCE_CHANGED"})
FAULTS_OF_THE_PICTURE = frozenset({"CORRUPT_IMAGE", "TRUNCATED_IMAGE"})


def compute_bound(blueprint: Blueprint) -> timedelta:
    """Return the bound T of the template's defaults."""
    seconds = {name: timedelta(seconds=blueprint.number(name)) for name in TIMES}
    policy = RecoveryPolicy(
        max_attempts=blueprint.number("MaxReceiveCount"),
        max_dead_letters=blueprint.number("MaxDeadLetters"),
        redispatch=seconds["RedispatchSeconds"],
        longest_redispatch=seconds["LongestRedispatchSeconds"],
    )
    return compute_longest_lifetime(
        policy,
        lease=seconds["WorkerTimeout"],
        visibility=seconds["QueueVisibilityTimeout"],
        receives=blueprint.number("MaxReceiveCount"),
        period=MARGIN,
        margin=MARGIN,
    )


TIMES = ("RedispatchSeconds", "LongestRedispatchSeconds", "WorkerTimeout", "QueueVisibilityTimeout")


def check_end(world: World) -> None:
    """Add the final violations to the watch."""
    breaches = world.watch.breaches
    for job_id, record in world.jobs.items():
        status = JobStatus(record["Status"]["S"])
        if "DeletedAt" in record:
            breaches.append(f"I8 {job_id}: still a tombstone when T was over")
            continue
        if not status.is_terminal:
            breaches.append(f"I1 {job_id}: still {status} when T was over")
            continue
        if status is JobStatus.COMPLETED:
            world.watch.check_result(job_id, record)
        if job_id in world.watch.late:
            continue
        _check_reason(world, job_id, record)
    kept = {get_raw_job(key) for key in world.bucket.objects if key.startswith("raw/")}
    breaches += [
        f"I8 {job_id}: deleted, its picture is not"
        for job_id in sorted(world.watch.deleted_jobs & kept - world.watch.late)
    ]
    gone = world.watch.accepted - set(world.jobs) - world.watch.deleted_jobs
    breaches += [f"I1 {job_id}: accepted and lost" for job_id in sorted(gone)]
    for queue in world.queues.by_url.values():
        breaches += [f"I1 a message stays on {queue.name}: {message.body}" for message in queue.messages]
    breaches += _check_walks(world)
    breaches += [f"a function never ended: {actor.name}" for actor in world.alive()]


def _check_walks(world: World) -> list[str]:
    """Return what is wrong with the operations that the server continues: each is over and has no duplicates."""
    found = [f"I10 a walk is left: {item['Part']['S']}" for item in world.batches.values() if item["ID"]["S"] == WALKS]
    for item in world.batches.values():
        if item.get("Part", {}).get("S") != "batch":
            continue
        batch_id = item["ID"]["S"]
        found += [f"I10 {batch_id}: {name} is left" for name in ("Retrying", "Cancelling") if name in item]
        if "Import" not in item:
            continue
        if "ClosedAt" not in item:
            found.append(f"I10 {batch_id}: its import is not over")
        members = [job for job in world.jobs.values() if job.get("BatchID", {}).get("S") == batch_id]
        keys = Counter(job["Source"]["M"]["Path"]["S"] for job in members)
        found += [f"I10 {batch_id}: {count} members of {key}" for key, count in keys.items() if count > 1]
        is_whole = item["Import"]["M"]["Complete"]["BOOL"]
        deleted = sum(
            int(each.get("Deleted", {"N": "0"})["N"]) for each in world.batches.values() if each["ID"]["S"] == batch_id
        )
        added = int(item.get("Added", {"N": "0"})["N"])
        world.watch.seen["import complete"] += is_whole
        world.watch.seen["import stopped"] += not is_whole
        if added - deleted != len([job for job in members if "DeletedAt" not in job]):
            found.append(f"I10 {batch_id}: {added} members were added")
    return found


def _own_reasons(record: Mapping[str, Any], stored: Stored | None) -> frozenset[str]:
    """Return the error codes that only a job of this kind can have; a copied import no longer needs its source."""
    if "Promise" in record:
        digest = record["Promise"]["M"].get("Digest", {}).get("S")
        is_other = digest is not None and stored is not None and stored.digest != digest
        return WITHOUT_BYTES | {"DIGEST_MISMATCH"} if is_other else WITHOUT_BYTES
    return WITHOUT_SOURCE if "Source" in record and stored is None else frozenset()


def _check_reason(world: World, job_id: str, record: Mapping[str, Any]) -> None:
    status = JobStatus(record["Status"]["S"])
    code = record["Error"]["M"]["Code"]["S"] if "Error" in record else None
    stored = world.bucket.objects.get(get_raw_key(record))
    raw = stored.body if stored is not None else b""
    if status is not JobStatus.COMPLETED and code in _own_reasons(record, stored):
        allowed = True
    elif raw.startswith(rendering.GOOD):
        allowed = status is not JobStatus.FAILED or code in NO_FAULT_OF_THE_PICTURE
    elif raw.startswith(rendering.BAD):
        allowed = status is not JobStatus.COMPLETED and code in FAULTS_OF_THE_PICTURE | NO_FAULT_OF_THE_PICTURE
    else:
        allowed = status is not JobStatus.COMPLETED
    if not allowed:
        world.watch.breaches.append(f"I1 {job_id}: {raw!r} ended as {status}, {code}")
