"""Invariants that must hold after every step (docs/reliability.md), and the rare paths that a run has met.

The watch sees every effect on the services, not the code that caused it. It collects violations instead of raising
them: an exception inside an invocation would look like a failing record.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from faults.simulator.buckets import Stored
from faults.simulator.faults import Fault, Send
from faults.simulator.invocations import Invocation, Kind, current
from faults.simulator.queues import Message
from faults.simulator.rendering import FULL_WIDTH, PRIVATE_TEXT

from shared.aws.dynamodb.wire import from_wire
from shared.clock import from_iso
from shared.errors import ServiceError
from shared.jobs.job import TRANSITIONS, JobStatus, ProcessedImage
from shared.jobs.object_keys import PROCESSED_PREFIX, job_of_direct_key
from shared.jobs.s3_events import parse_s3_event
from shared.jobs.stored_outputs import from_map
from shared.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from faults.simulator.world import World

Record = Mapping[str, Any]

#: What the owner sees of a finished job; it stays the same until a new generation.
VISIBLE = ("Status", "Timestamp", "S3Path", "Size", "Format", "Outputs", "Error", "Attempt")
#: Maximum time between a check for bytes and its effect: the lifetime of a function, with a late request.
LOOKING = timedelta(minutes=10)
#: The counts of a batch, by their attribute names.
COUNTS = ("Completed", "Failed", "Cancelled", "Expired", "Deleted")


class Watch:
    """Sees every effect; collects violations and rare paths."""

    def __init__(self, world: "World") -> None:
        """Watch one world."""
        self._world = world
        self.breaches: list[str] = []
        self.seen: Counter[str] = Counter()
        #: Also called for each write to a table.
        self.observers: list[Callable[[str, Record | None, Record | None], None]] = []
        #: IDs of all jobs that had a record.
        self.ever: set[str] = set()
        #: IDs that a client got.
        self.accepted: set[str] = set()
        self.deleted_jobs: set[str] = set()
        #: IDs of jobs whose image or record arrived after their deletion, by a request that had been given up.
        self.late: set[str] = set()
        #: Name of the invocation in whose name the platform deletes.
        self.acknowledger: str | None = None
        #: By job and actor: the newest attempt that the actor has claimed.
        self._holders: dict[tuple[str, str], int] = {}
        #: By key: who has written it, in which attempt.
        self._writers: dict[str, tuple[str, int]] = {}
        #: Upload functions and the jobs whose event they have forwarded.
        self._forwarded: set[tuple[str, str]] = set()
        self._broken: set[str] = set()
        #: By batch: members that ever had a record.
        self._born: Counter[str] = Counter()
        #: By job: when its bytes first came.
        self._arrived: dict[str, datetime] = {}
        #: Batches that the present call has changed.
        self._touched: set[str] = set()

    def _demand(self, holds: bool, breach: str) -> None:
        if not holds and breach not in self._broken:
            self._broken.add(breach)
            self.breaches.append(breach)

    def requested(self, service: str, operation: str, request: Record) -> None:
        """Check that facts about an image are sent nowhere but to the table of jobs."""
        parts = [part for item in request.get("TransactItems", ()) for part in item.values()] or [request]
        sent = [part for part in parts if part.get("TableName") != "JobTable" and PRIVATE_TEXT in str(part)]
        self._demand(not sent, f"I6 private facts in {service} {operation}")

    # ------------------------------------------------------------------------------------------ records

    def written(self, table: str, old: Record | None, new: Record | None) -> None:
        """Check one write to a table."""
        for observe in self.observers:
            observe(table, old, new)
        self._judge_write(table, old, new)

    def _judge_write(self, table: str, old: Record | None, new: Record | None) -> None:
        if table == "BatchTable" and new is not None:
            self._touched.add(new["ID"]["S"])
        if table != "JobTable":
            return
        if batch := (new or old or {}).get("BatchID"):
            self._touched.add(batch["S"])
            self._born[batch["S"]] += old is None
        if new is None:
            if old is not None:
                self.deleted_jobs.add(old["ID"]["S"])
            return
        job_id = new["ID"]["S"]
        if "Status" not in new:
            self._demand(False, f"I5 {job_id}: a record without a status")
            return
        self._check_index(job_id, new)
        if old is None:
            self._judge_birth(job_id, new)
        else:
            self._judge_move(job_id, old, new)
        self._check_facts(job_id, new)
        if new["Status"]["S"] == JobStatus.COMPLETED:
            self.check_result(job_id, new)
        if "Promise" in new and "Digest" in new and "DeletedAt" not in new:
            self._check_raw(job_id, new)

    def _check_facts(self, job_id: str, record: Record) -> None:
        """Check that a completed job has its facts, that no other job has any, and that no other attribute has them."""
        is_shown = record["Status"]["S"] == JobStatus.COMPLETED and "DeletedAt" not in record
        self._demand(("Facts" in record) == is_shown, f"I2 {job_id}: facts, but no result, or a result without facts")
        others = [name for name, value in record.items() if name != "Facts" and PRIVATE_TEXT in str(value)]
        self._demand(not others, f"I6 {job_id}: private facts in {others}")

    def settled(self) -> None:
        """Check the counts of every batch that a call changed, after all its writes."""
        for batch_id in self._touched:
            self._check_counts(batch_id)
        self._touched.clear()

    def _check_counts(self, batch_id: str) -> None:
        """Check that the counts of a batch equal its members."""
        parts = [item for item in self._world.batches.values() if item["ID"]["S"] == batch_id]
        told = {name: sum(int(part.get(name, {"N": "0"})["N"]) for part in parts) for name in (*COUNTS, "Added")}
        members = [job for job in self._world.jobs.values() if job.get("BatchID", {}).get("S") == batch_id]
        living = Counter(job["Status"]["S"].capitalize() for job in members if "DeletedAt" not in job)
        born = self._born[batch_id]
        found = {name: living[name] for name in COUNTS} | {"Deleted": born - living.total(), "Added": born}
        self._demand(told == found, f"I9 {batch_id}: counts say {told}, its members {found}")
        self.seen["members counted"] += 1

    def _check_index(self, job_id: str, new: Record) -> None:
        """Check that an open job or a tombstone is in the reconciler's index, and a finished job is not."""
        is_open = not JobStatus(new["Status"]["S"]).is_terminal or "DeletedAt" in new
        listed = "OpenShard" in new and "DueAt" in new
        self._demand(listed == is_open, f"I3 {job_id}: {new['Status']['S']} and in the open index: {listed}")
        if new["Status"]["S"] == JobStatus.FAILED:
            self._demand("Error" in new, f"I1 {job_id}: FAILED without a reason")

    def _judge_birth(self, job_id: str, new: Record) -> None:
        if job_id in self.deleted_jobs and current() is None:
            self.late.add(job_id)
            return
        self._demand(job_id not in self.ever, f"I7 {job_id}: came back after its deletion")
        self.ever.add(job_id)
        if new["Status"]["S"] == JobStatus.PENDING and "Source" not in new:
            key = get_raw_key(new)
            self._demand(key in self._world.bucket.objects, f"I5 {job_id}: accepted without a raw image")

    def _judge_move(self, job_id: str, old: Record, new: Record) -> None:
        before, after = JobStatus(old["Status"]["S"]), JobStatus(new["Status"]["S"])
        grown = int(new["Attempt"]["N"]) - int(old["Attempt"]["N"])
        next_generation = int(new["Generation"]["N"]) - int(old["Generation"]["N"])
        self._demand(next_generation in {0, 1}, f"I7 {job_id}: generation changed by {next_generation}")
        self._demand(grown in {0, 1}, f"I3 {job_id}: attempt changed by {grown}")
        self._demand(
            before == after or after in TRANSITIONS[before] or bool(next_generation),
            f"I7 {job_id}: {before} became {after}",
        )
        if before.is_terminal and not next_generation:
            changed = [name for name in VISIBLE if old.get(name) != new.get(name)]
            self._demand(not changed, f"I7 {job_id}: {before} changed its {changed}")
        if grown == 1:
            self._judge_claim(job_id, old, new)
        elif after is JobStatus.COMPLETED:
            self._judge_commit(job_id, new)
        if before is JobStatus.PROCESSING and self._kind() in {Kind.DEAD_LETTERS, Kind.RECONCILER}:
            over = from_iso(old["LeaseUntil"]["S"]) <= self._world.clock()
            self._demand(over, f"I4 {job_id}: moved to {after} by {self._kind()} while its lease held")
        if after is JobStatus.EXPIRED and job_id in self._arrived and job_id not in self.late:
            # A function that checked just before they arrived may still say so, within this time.
            recently = self._world.now - self._arrived[job_id] < LOOKING
            self._demand(recently, f"I1 {job_id}: expired, though its bytes had come")
        if before is JobStatus.AWAITING_UPLOAD:
            self.seen[f"upload {after.lower()}"] += 1
        self.seen["completed"] += after is JobStatus.COMPLETED
        if after is JobStatus.FAILED and before is not after:
            self.seen[f"failed by {self._kind()}"] += 1
        if after is JobStatus.PENDING and before is JobStatus.PROCESSING:
            self.seen["job given back"] += 1
        if self._kind() is Kind.RECONCILER and before is after:
            self.seen["requeued job" if "DeletedAt" not in new else "tombstone found"] += 1

    def _judge_claim(self, job_id: str, old: Record, new: Record) -> None:
        self._demand(new["Status"]["S"] == JobStatus.PROCESSING, f"I3 {job_id}: an attempt that does not run")
        actor = current()
        if old["Status"]["S"] == JobStatus.PROCESSING:
            self.seen["expired lease taken over"] += 1
            over = from_iso(old["LeaseUntil"]["S"]) <= self._world.clock()
            # A late request is checked by the clock of its sender.
            self._demand(over or actor is None, f"I4 {job_id}: claimed while its lease held")
        if actor is not None:
            self._holders[job_id, actor.name] = int(new["Attempt"]["N"])

    def _judge_commit(self, job_id: str, new: Record) -> None:
        actor = current()
        if actor is not None:
            held = self._holders.get((job_id, actor.name))
            self._demand(held == int(new["Attempt"]["N"]), f"I4 {job_id}: committed by an attempt that was not newest")

    def _check_raw(self, job_id: str, record: Record) -> None:
        """Check that the raw image that a record describes exists and matches it."""
        stored = self._world.bucket.objects.get(get_raw_key(record))
        facts = (record["Digest"]["S"], int(record["RawSize"]["N"]))
        same = stored is not None and (stored.digest, len(stored.body)) == facts
        self._demand(same, f"I2 {job_id}: its raw image is not what the record says")

    def check_result(self, job_id: str, record: Record) -> None:
        """Check that a completed job's objects exist, match the record and come from one attempt."""
        if "DeletedAt" not in record:
            self._check_raw(job_id, record)
        outputs = read_outputs(record)
        pipeline = Pipeline.model_validate_json(record["Pipeline"]["S"])
        expected = [output.name for output in pipeline.expand_outputs(FULL_WIDTH).outputs]
        self._demand([each.name for each in outputs] == expected, f"I2 {job_id}: COMPLETED without all outputs")
        self.seen["several outputs"] += len(outputs) > 1
        for output in outputs:
            key = output.key
            stored = self._world.bucket.objects.get(key)
            self._demand(stored is not None, f"I2 {job_id}: COMPLETED, but {key} is not there")
            if stored is not None:
                same = (stored.digest, len(stored.body)) == (output.digest, output.size)
                self._demand(same, f"I2 {job_id}: {key} is not what the record says")
            writer = self._writers.get(key)
            own = (job_id, int(record["Attempt"]["N"]))
            self._demand(writer in {None, own}, f"I3 {job_id}: {key} was written by {writer}")

    # ------------------------------------------------------------------------------------------ objects

    def put(self, key: str, old: Stored | None, new: Stored | None) -> None:
        """Check one change in the bucket."""
        parts = key.split("/")
        if parts[0] == "raw":
            job_id = get_raw_job(key)
            job = self._world.jobs.get(job_id)
            is_gone = job_id in self.deleted_jobs or (job is not None and "DeletedAt" in job)
            if new is not None and is_gone:
                self.late.add(job_id)
            else:
                self._judge_raw(key, job or {}, old, new)
        elif parts[0] == "processed":
            self._judge_processed(key, parts[1], old, new)

    def _judge_raw(self, key: str, job: Record, old: Stored | None, new: Stored | None) -> None:
        job_id = get_raw_job(key)
        is_open = "Status" in job and not JobStatus(job["Status"]["S"]).is_terminal
        if new is not None:
            self._arrived.setdefault(job_id, self._world.now)
        is_named = "RawPath" in job and get_raw_key(job) == key
        # A form can replace its object at any time, until the record refers to another one.
        is_upload = job_of_direct_key(key) is not None
        self.seen["upload replaced"] += is_upload and old is not None and new not in {old, None}
        comes_later = old is None and ("Promise" in job or "Source" in job)
        may_change = not is_open or not is_named or comes_later or (is_upload and new is not None)
        self._demand(may_change or new == old, f"I2 {job_id}: its raw image changed while it was open")
        if is_named and "Digest" in job and "DeletedAt" not in job:
            same = new is not None and new.digest == job["Digest"]["S"]
            self._demand(same, f"I2 {job_id}: its raw image is no longer what the record says")
        if "Source" in job and new is not None:
            found = job["Source"]["M"]  # of a file on a web server, the first download counts
            same = new.etag == found["ETag"]["S"] if "ETag" in found else old in {None, new}
            self._demand(same, f"I2 {job_id}: what was copied is not what its request had seen")
            self.seen["copied"] += 1

    def _judge_processed(self, key: str, job_id: str, old: Stored | None, new: Stored | None) -> None:
        actor = current()
        attempt = self._holders.get((job_id, actor.name)) if actor is not None else None
        if attempt is not None and new is not None:
            writer = self._writers.setdefault(key, (job_id, attempt))
            self._demand(writer == (job_id, attempt), f"I3 {job_id}: two attempts share {key}")
        job = self._world.jobs.get(job_id)
        if job is not None and job["Status"]["S"] == JobStatus.COMPLETED and old is not None:
            named = any(output.key == key for output in read_outputs(job))
            self._demand(not named or new == old, f"I2 {job_id}: {key} changed after it was shown")

    # ----------------------------------------------------------------------------------------- messages

    def sent(self, message: Message) -> None:
        """Check a new message."""
        actor = current()
        for job_id, generation in _read(message) or ():
            if actor is not None and actor.kind is Kind.UPLOADS:
                self._forwarded.add((actor.name, job_id))
            self._judge_sent(job_id, generation)

    def _judge_sent(self, job_id: str, generation: int) -> None:
        self._demand(job_id in self.ever, f"I5 {job_id}: a message, but no record")
        job = self._world.jobs.get(job_id)
        if job is not None:
            known = int(job["Generation"]["N"])
            self._demand(generation <= known, f"I5 {job_id}: a message of generation {generation}, it is {known}")

    def deleted(self, queue: str, message: Message) -> None:
        """Check an acknowledgement: the job has ended or has moved past this message or attempt."""
        if queue == self._world.webhooks.name:
            return  # webhook_run checks the deliveries
        named = _read(message)
        if named is None:
            self.seen["unreadable message kept"] += 1
            kept = any(message.id in key for key in self._world.bucket.objects)
            self._demand(kept, f"I3 {message.id}: unreadable, and dropped")
        for job_id, generation in named or ():
            self._judge_acknowledged(queue, job_id, generation)

    def _judge_acknowledged(self, queue: str, job_id: str, generation: int) -> None:
        job = self._world.jobs.get(job_id)
        if job is None:
            self._demand(job_id in self.deleted_jobs, f"I3 {job_id}: acknowledged, but there is no record")
            return
        stale = int(job["Generation"]["N"]) != generation
        if queue == self._world.uploads.name:
            forwarded = (self.acknowledger or "", job_id) in self._forwarded
            self._demand(forwarded, f"I3 {job_id}: S3's event was acknowledged, but not forwarded")
            self.seen["S3 event forwarded"] += 1
            return
        ended = JobStatus(job["Status"]["S"]).is_terminal
        # An overtaken attempt leaves the job to the newer one, which has its own message and due time.
        mine = self._holders.get((job_id, self.acknowledger)) if self.acknowledger else None
        overtaken = mine is not None and mine < int(job["Attempt"]["N"])
        self.seen["acknowledged when overtaken"] += overtaken and not ended
        is_letter = queue == self._world.dead_letters.name
        put_off = is_letter and int(job.get("DeadLetters", {"N": "0"})["N"]) > 0
        # S3's event of an upload; the reconciler looks for the bytes when the job is due.
        put_off = put_off or (is_letter and job["Status"]["S"] == JobStatus.AWAITING_UPLOAD)
        self._demand(
            ended or stale or overtaken or put_off,
            f"I3 {job_id}: acknowledged on {queue} while {job['Status']['S']}",
        )

    def on_dead_letter(self) -> None:
        """Note a message that used up its receives."""
        self.seen["dead letter"] += 1

    def raised(self, actor: Invocation) -> None:
        """Check an exception of a function: AWS may fail it, its own code may not."""
        self._demand(isinstance(actor.result, ServiceError), f"a function raised: {actor.name}, {actor.result!r}")

    def answered(self, job_id: str) -> None:
        """Check a 2xx response: the job and its image exist."""
        self.accepted.add(job_id)
        self._demand(job_id in self.ever, f"I5 {job_id}: a client was told of a job that does not exist")

    def refused(self, job_id: str) -> None:
        """Check a 4xx response: there is no such job."""
        self._demand(job_id not in self._world.jobs, f"I6 {job_id}: a client was told that it could not be made")

    def filled(self, batch_id: str, told: Sequence[str | None]) -> None:
        """Check the response to a request that filled a batch: it has every member once."""
        made = {job_id for job_id, job in self._world.jobs.items() if job.get("BatchID", {}).get("S") == batch_id}
        named = [job_id for job_id in told if job_id is not None]
        self._demand(made <= set(named), f"I6 {batch_id}: told of {named}, but there are {sorted(made)}")
        self._demand(len(named) == len(set(named)), f"I6 {batch_id}: a member was told twice")

    # -------------------------------------------------------------------------------------------- calls

    def noted(self, send: Send, fault: Fault | None, error: Exception | None) -> None:
        """Recognize the rare paths that the runs must meet."""
        if fault is not None:
            self.seen[f"fault: {fault}"] += 1
        if send.operation != "UpdateItem" or not isinstance(error, ClientError):
            return
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            return
        wanted: Record = send.request.get("ExpressionAttributeValues", {})
        old: Record = error.response.get("Item", {})  # type: ignore[assignment] # DynamoDB's own
        if ":claimant" in wanted:
            if old.get("Claimant") == wanted[":claimant"]:
                self.seen["lost answer of a claim recognised"] += 1
            elif old.get("Generation") != wanted[":generation"] and old:
                self.seen["stale generation"] += 1
            elif not old:
                self.seen["message of a deleted job"] += 1
            elif JobStatus(old["Status"]["S"]).is_terminal:
                self.seen["message of an ended job"] += 1
            else:
                self.seen["lease held"] += 1
        elif send.actor.kind is Kind.WORKER:
            same = all(old.get(name) == wanted.get(f":{name}") for name in ("Status", "Attempt", "Timestamp"))
            self.seen["lost answer of a commit recognised" if same else "lost commit"] += 1
        else:
            self.seen[f"swap refused to {send.actor.kind}"] += 1

    def _kind(self) -> Kind | None:
        actor = current()
        return actor.kind if actor is not None else None


def read_outputs(record: Record) -> tuple[ProcessedImage, ...]:
    """Return the outputs of a record."""
    facts = from_wire({name: record[name] for name in ("ID", "Attempt", "Outputs") if name in record})
    return tuple(from_map(output, facts["ID"], facts["Attempt"]) for output in facts.get("Outputs", ()))


def find_orphans(world: "World") -> list[str]:
    """Return the keys of processed images that no record refers to."""
    named = {output.key for job in world.jobs.values() for output in read_outputs(job)}
    return sorted(key for key in world.bucket.objects if key.startswith(PROCESSED_PREFIX) and key not in named)


def get_raw_key(record: Record) -> str:
    """Return the key of the raw image that a record refers to."""
    return str(record["RawPath"]["S"]).split("/", 3)[3]


def get_raw_job(key: str) -> str:
    """Return the job of an object below ``raw/``, whose key is ``raw/KIND/JOB`` or ``raw/pinned/JOB/ATTEMPT``."""
    return key.split("/")[2]


def _read(message: Message) -> list[tuple[str, int]] | None:
    """Return jobs and generations of a message, ours or S3's; None if it is neither."""
    try:
        arrivals = parse_s3_event(message.body)
        if arrivals is not None:
            return [(each.key.rsplit("/", 1)[-1], 1) for each in arrivals]
        body = json.loads(message.body)
        return [(str(body["job_id"]), int(body["generation"]))]
    except (ValueError, KeyError, TypeError):
        return None
