"""One random run of uploads in parts and with one signed request: interrupted, repeated, raced, aborted, with faults.

The functions and the invariants are those of ``random_run``. In addition:

====  ================================================================================================================
U1    A client has exactly one job, whatever it repeats. Its job ends COMPLETED only with the bytes that the client has
      sent, and never if these have another digest than the declared one.
U2    A completion gets a 2xx response only if the file has arrived, and an abortion only if the job is cancelled.
U3    A job without a file ends as EXPIRED or CANCELLED, a multipart upload not before ``MultipartDays``.
U4    A client that has all parts in S3 is not refused, unless the job has ended without its file.
U5    Without faults and races, no parts are left of a job that has ended. Otherwise the lifecycle rule of the template
      deletes them.
U6    The jobs and bytes that the owner is counted for are those that were created and have ended.
====  ================================================================================================================
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from faults.simulator import rendering
from faults.simulator.faults import Send
from faults.simulator.functions import Functions
from faults.simulator.invariants import get_raw_key
from faults.simulator.random_run import SKEW, Report, Run
from faults.simulator.settings import BUCKET
from faults.simulator.upload_client import ENDINGS, UploadClient, UploadPlan
from support import events

from shared.aws.dynamodb.owner_quotas import OPENED
from shared.clock import from_iso
from shared.jobs.job import JobStatus
from shared.jobs.upload_declaration import UploadMethod

Record = Mapping[str, Any]
WITHOUT_FILE = frozenset({JobStatus.EXPIRED, JobStatus.CANCELLED})


class UploadRun(Run):
    """One run of one seed."""

    def __init__(self, functions: Functions, seed: int) -> None:
        """Draw the clients from ``seed``."""
        self.clients: dict[str, UploadClient] = {}
        #: ID, declared bytes and time of each job that was created.
        self.created: list[tuple[str, int, datetime]] = []
        #: When each job first ended, or got its file.
        self.over: dict[str, datetime] = {}
        super().__init__(functions, seed)
        self.copy_rate = 0.0  # the checks compare each job with the client that has created it
        self.lifetime = timedelta(days=functions.blueprint.number("MultipartDays"))
        self.world.watch.observers.append(self._written)
        self.world.bucket.when_joined = self._notify

    def go(self) -> Report:
        """Run to the end and check the result."""
        report = super().go()
        if not report.breaches:
            self._check_uploads()
        return Report(report.seed, self.world.watch.breaches, report.seen, report.story)

    def _draw_request(self) -> Any:
        data = rendering.GOOD + bytes(self.random.randint(1, 12))
        plan = UploadPlan(
            method=self.random.choices((UploadMethod.MULTIPART, UploadMethod.PUT), (4, 1))[0],
            data=data,
            sent=data if self.random.random() < 0.85 else data[:-1] + b"x",
            is_digest_declared=self.random.random() < 0.7,
            ending=self.random.choices(tuple(ENDINGS), tuple(ENDINGS.values()))[0],
            has_rival=self.random.random() < 0.25,
            is_heard=self.random.random() < 0.8,
        )
        return partial(self._start, plan)

    def _start(self, plan: UploadPlan) -> None:
        client = UploadClient(self.functions, self.platform, self.random, plan, lambda: self.is_calm)
        self.clients[client.job_id] = client
        client.start()

    def _notify(self, key: str, size: int) -> None:
        """Send S3's event of a joined file, unless it is lost."""
        client = self.clients[key.rpartition("/")[2]]
        self.over.setdefault(client.job_id, self.world.now)
        if client.plan.is_heard:
            self.world.queues.add(self.world.uploads, events.s3(BUCKET, key, size))

    def _compute_deadline(self) -> datetime:
        return super()._compute_deadline() + self.lifetime

    def _plan(self, send: Send) -> Any:
        fault = super()._plan(send)
        self.world.watch.seen["hindered"] += fault is not None
        return fault

    def _demand(self, holds: bool, breach: str) -> None:
        self.world.watch._demand(holds, breach)

    def _written(self, table: str, old: Record | None, new: Record | None) -> None:
        if table != "JobTable" or new is None:
            return
        job_id, status = new["ID"]["S"], JobStatus(new["Status"]["S"])
        client = self.clients.get(job_id)
        if old is None:
            self._demand(client is not None, f"U1 {job_id}: a job that no client has created")
        if old is None and client is not None:
            self.created.append((job_id, len(client.plan.data), from_iso(new["UploadedAt"]["S"])))
        if status is not JobStatus.AWAITING_UPLOAD or "DeletedAt" in new:
            self.over.setdefault(job_id, self.world.now)
        if client is None or client.plan.method is not UploadMethod.MULTIPART or status is not JobStatus.EXPIRED:
            return
        end = from_iso(new["UploadedAt"]["S"]) + self.lifetime - 2 * SKEW
        self._demand(self.world.now >= end, f"U3 {job_id}: expired at {self.world.now}, before {end}")

    def _check_uploads(self) -> None:
        jobs, bucket = self.world.jobs, self.world.bucket
        has_faults = bool(self.world.watch.seen["hindered"]) or bool(self.kill_rate)
        for job_id, client in self.clients.items():
            record = jobs.get(job_id)
            if record is None:
                continue
            status, plan = JobStatus(record["Status"]["S"]), client.plan
            self.world.watch.seen[f"{plan.method}: {plan.ending}: {status}"] += 1
            if status is JobStatus.COMPLETED:
                raw = bucket.objects[get_raw_key(record)].body
                self._demand(raw == plan.sent, f"U1 {job_id}: processed {raw!r}, not {plan.sent!r}")
                is_bound = plan.sent == plan.data or not plan.is_digest_declared
                self._demand(is_bound, f"U1 {job_id}: completed with another digest than the declared one")
            has_file = any(key.split("/")[2] == job_id for key in bucket.objects if key.startswith("raw/"))
            is_patient = plan.method is UploadMethod.MULTIPART and plan.ending in {"complete", "complete twice"}
            if is_patient and not (has_faults or self.owners_rate):
                is_met = status in {JobStatus.COMPLETED, JobStatus.FAILED}
                self._demand(is_met, f"U4 {job_id}: its client has sent the file, but it is {status}")
            if not has_file and int(record["Generation"]["N"]) == 1:
                self._demand(status in WITHOUT_FILE, f"U3 {job_id}: ended as {status} without a file")
        self._check_parts(has_faults=has_faults)
        self._check_counts()

    def _check_parts(self, *, has_faults: bool) -> None:
        left = list(self.world.bucket.multipart.uploads.values())
        for upload in left:
            client = self.clients[upload.key.rpartition("/")[2]]
            # An upload that was started too late is left to the lifecycle rule, as are two that start at the same time.
            is_late = upload.initiated >= self.over[client.job_id]
            self._demand(has_faults or is_late or client.has_overlap, f"U5 {upload.key}: its parts are left")
        self.world.watch.seen["without faults"] += not has_faults
        self.world.watch.seen["left to the lifecycle rule"] += len(left)
        for rule in self._list_rules():
            end = self.world.now + timedelta(days=int(rule["days"])) - self.lifetime
            left = [each for each in left if not (each.key.startswith(rule["prefix"]) and each.initiated <= end)]
        self._demand(not left, f"U5 no lifecycle rule deletes the parts of {left}")

    def _list_rules(self) -> list[dict[str, Any]]:
        """Return the lifecycle rules that abort uploads: their prefixes and their days."""
        blueprint = self.functions.blueprint
        rules = blueprint.resources["ImageBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        return [
            {
                "prefix": rule.get("Prefix", ""),
                "days": blueprint.defaults[rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]["Ref"]],
            }
            for rule in rules
            if rule["Status"] == "Enabled" and "AbortIncompleteMultipartUpload" in rule
        ]

    def _check_counts(self) -> None:
        items = {item["Part"]["S"]: item for item in self.world.batches.values() if "Count" in item}
        opened = items.pop(OPENED, None)
        if opened is None:
            self._demand(not self.created, f"U6 nothing is counted, but there are {self.created}")
            return
        closed = sum(int(item["Count"]["N"]) for item in items.values())
        count = int(opened["Count"]["N"])
        self._demand(count == closed, f"U6 {count} were opened, but {closed} were closed")
        day = opened["Day"]["S"]
        total = sum(size for _, size, at in self.created if at.date().isoformat() == day)
        self._demand(int(opened["Bytes"]["N"]) == total, f"U6 {opened['Bytes']['N']} bytes are counted, not {total}")
