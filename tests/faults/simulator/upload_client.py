"""A client that uploads one file in parts or with one request, and repeats each request until it is answered."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final

from botocore.exceptions import ClientError
from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.settings import BUCKET

from api.jobs.lifecycle import get_own_job
from api.uploads.multipart import Multipart
from api.uploads.schemas import Instructions, UploadRequest
from api.uploads.use_cases import Uploads
from shared.errors import PartsMissing, SafelightError, ServiceError
from shared.jobs.job import ANONYMOUS, Job, JobStatus
from shared.jobs.job_spec import JobSpec
from shared.jobs.part_plan import PartPlan
from shared.jobs.upload_declaration import UploadMethod
from shared.pipeline.pipeline import DEFAULT_PIPELINE

MEDIA_TYPE: Final = "image/jpeg"
#: What a client does when S3 has its parts, and how often it is drawn.
ENDINGS: Final = {"complete": 4, "complete twice": 2, "abort": 1, "abort and complete": 3, "never": 1, "gone": 1}
#: Rounds of sending what is missing, until a client gives up.
MAX_ROUNDS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """What a client uploads, and how."""

    method: UploadMethod
    #: What it declares.
    data: bytes
    #: What it sends, of the same size.
    sent: bytes
    is_digest_declared: bool
    #: One of ``ENDINGS``.
    ending: str
    #: Whether a second client, such as another tab, continues the same job.
    has_rival: bool
    #: True if S3's event reaches the queue.
    is_heard: bool


class UploadClient:
    """One client and its job."""

    def __init__(
        self,
        functions: Functions,
        platform: LambdaPlatform,
        randomness: random.Random,
        plan: UploadPlan,
        is_calm: Callable[[], bool],
    ) -> None:
        """Create the client. ``is_calm`` returns True once nothing is lost any more."""
        self.functions = functions
        self.platform = platform
        self.random = randomness
        self.plan = plan
        self.is_calm = is_calm
        self.job_id = functions.new_id()
        self.at = functions.world.clock()
        self.key = ""
        #: Invocations that are starting an upload in S3 now, and whether two did so at the same time.
        self.starting = 0
        self.has_overlap = False
        self._rounds = 0
        self._has_renewed = False
        self._is_remembered = False

    def start(self) -> None:
        """Declare the upload."""
        self._ask(self._create, self._continue)

    # ---------------------------------------------------------------------------------- requests to the API

    def _create(self) -> Instructions:
        uploads, plan = self._uploads(), self.plan
        request = UploadRequest(
            content_type=MEDIA_TYPE,
            size=len(plan.data),
            digest=sha256(plan.data).hexdigest() if plan.is_digest_declared else None,
            method=plan.method,
        )
        if self._is_remembered:  # as the API knows by the request's key
            job = get_own_job(self.job_id, ANONYMOUS, uploads.jobs)
        else:
            spec = JobSpec(DEFAULT_PIPELINE)
            job = uploads.announce(request, spec, ANONYMOUS, job_id=self.job_id, at=self.at).job
        self._is_remembered = True
        self.key = job.raw.key
        instructions = self._instruct(job)
        self.functions.world.watch.answered(job.id)
        return instructions

    def _renew(self) -> Instructions:
        """Ask how to continue, as after a reload of a page."""
        return self._instruct(self._uploads().renew(self.job_id, ANONYMOUS))

    def _instruct(self, job: Job) -> Instructions:
        """Return how to send the file, after the start of an upload in S3 if there is none."""
        self.has_overlap |= self.starting > 0
        self.starting += 1
        try:
            return self._uploads().instruct(job, start=True)
        finally:
            self.starting -= 1

    def _find_missing(self, upload_id: str) -> list[tuple[int, int]]:
        """Return the number and the size of each part that S3 does not have, and sign these."""
        multipart = self._multipart()
        plan, parts = multipart.list_parts(self.job_id, ANONYMOUS, upload_id)
        missing = sorted(set(range(1, plan.count + 1)) - {part.number for part in parts})
        signed = multipart.sign_parts(self.job_id, ANONYMOUS, upload_id, missing)
        return [(each.PartNumber, each.size) for each in signed]

    def _complete(self, upload_id: str) -> None:
        is_whole = self._is_whole(upload_id)
        try:
            self._multipart().complete(self.job_id, ANONYMOUS, upload_id)
        except PartsMissing:
            self._demand(not is_whole, f"U4 {self.job_id}: S3 had all parts, but some are missing")
            raise
        self._see("completed")
        self._demand(self._has_arrived(), f"U2 {self.job_id}: completed, but {self._get_status()} without a file")

    def _confirm(self) -> None:
        self._uploads().confirm(self.job_id, ANONYMOUS)
        self._see("confirmed")
        self._demand(self._has_arrived(), f"U2 {self.job_id}: confirmed, but {self._get_status()} without a file")

    def _abort(self) -> None:
        self._multipart().abort(self.job_id, ANONYMOUS, at=self.functions.world.clock())
        self._see("aborted")
        record = self.functions.world.jobs.get(self.job_id)
        is_over = record is None or "DeletedAt" in record or int(record["Generation"]["N"]) > 1
        is_over = is_over or self._get_status() is JobStatus.CANCELLED
        self._demand(is_over, f"U2 {self.job_id}: aborted, but {self._get_status()}")

    def _uploads(self) -> Uploads:
        return Uploads.of(self.functions.dependencies)

    def _multipart(self) -> Multipart:
        return Multipart.of(self.functions.dependencies)

    # ------------------------------------------------------------------------------------------- decisions

    def _continue(self, instructions: Instructions) -> None:
        """Send the file as the API has said."""
        if self.plan.has_rival and not self._has_renewed:
            self._has_renewed = True
            self._later(lambda: self._ask(self._renew, self._continue))
        if instructions.put is not None:
            self._send_at_once()
        elif instructions.multipart is not None and instructions.multipart.upload_id is not None:
            self._send_missing(instructions.multipart.upload_id)

    def _send_at_once(self) -> None:
        for number in range(self.random.choice((1, 1, 2))):
            self._later(partial(self._put, self.plan.sent if number == 0 else self.plan.sent + b" other"))
        if self.plan.ending in {"complete", "complete twice"}:
            self._later(lambda: self._ask(self._confirm))

    def _put(self, data: bytes) -> None:
        """Send the signed request. S3 accepts only the signed size, and no second file."""
        if len(data) != len(self.plan.data):
            return
        request = {"Bucket": BUCKET, "Key": self.key, "Body": data, "ContentType": MEDIA_TYPE, "IfNoneMatch": "*"}
        with suppress(ClientError):
            self.functions.world.bucket.call("PutObject", request)
            self.functions.world.bucket.when_joined(self.key, len(data))

    def _send_missing(self, upload_id: str) -> None:
        self._rounds += 1
        if self._rounds <= MAX_ROUNDS:
            self._ask(partial(self._find_missing, upload_id), partial(self._send_parts, upload_id))

    def _send_parts(self, upload_id: str, missing: list[tuple[int, int]]) -> None:
        if not missing:
            self._end(upload_id)
            return
        if self.plan.ending == "gone":
            missing = missing[:-1]  # the page is closed before the last part
        for number, size in self.random.sample(missing, len(missing)):
            for _ in range(self.random.choice((1, 1, 2))):
                self._later(partial(self._send_part, upload_id, number, size))
        if self.plan.ending != "gone":
            if not self.is_calm() and self.random.random() < 0.1:
                wrong = self.random.choice(("", "-of-another-job"))
                self._ask(partial(self._complete, upload_id + wrong))  # too early
            self._later(partial(self._send_missing, upload_id))

    def _send_part(self, upload_id: str, number: int, size: int) -> None:
        if not self.is_calm() and self.random.random() < 0.15:
            self._see("part lost")
            return
        plan = PartPlan.of(len(self.plan.data))
        start = (number - 1) * plan.part_size
        request = {"Bucket": BUCKET, "Key": self.key, "UploadId": upload_id, "PartNumber": number}
        try:
            body = self.plan.sent[start : start + size]
            self.functions.world.bucket.call("UploadPart", {**request, "Body": body})
        except ClientError:
            self._see("part too late")

    def _end(self, upload_id: str) -> None:
        complete, ending = partial(self._complete, upload_id), self.plan.ending
        requests: dict[str, list[Callable[[], None]]] = {
            "complete": [complete],
            "complete twice": [complete, complete],
            "abort": [self._abort],
            "abort and complete": [self._abort, complete],
        }
        for request in requests.get(ending, []):
            self._later(partial(self._ask, request), seconds=(0, 0, 1, 5))
        if self.random.random() < 0.2:  # a part that arrives when the upload may be over
            number = 1
            size = PartPlan.of(len(self.plan.data)).size_of(number)
            self._later(partial(self._send_part, upload_id, number, size), seconds=(1, 30, 600))

    # --------------------------------------------------------------------------------------------- transport

    def _ask(self, request: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Send a request, repeat it if it gets no response or a 5xx response, and call ``then`` with its result."""
        limit = self.functions.limit(Kind.API)
        is_lost = not self.is_calm() and self.random.random() < 0.05

        def answer() -> str:
            try:
                result = request()
            except ServiceError:
                return "5xx"
            except SafelightError as error:
                self._see(f"refused: {error.code}")
                return "4xx"
            if not is_lost:
                self._later(partial(then, result), seconds=(0, 0, 1))
            return "5xx" if is_lost else "2xx"

        actor = self.platform.client(answer)
        self.functions.world.later(limit * 1.1, partial(self._repeat, actor, request, then))

    def _repeat(self, actor: Invocation, request: Callable[[], Any], then: Callable[[Any], None]) -> None:
        if actor.end is not End.RETURNED or actor.result == "5xx":
            self._ask(request, then)

    def _later(self, deed: Callable[[], None], seconds: tuple[float, ...] = (0, 1, 5, 60, 1400)) -> None:
        self.functions.world.later(timedelta(seconds=self.random.choice(seconds)), deed)

    # ----------------------------------------------------------------------------------------------- checks

    def _is_whole(self, upload_id: str) -> bool:
        upload = self.functions.world.bucket.multipart.uploads.get(upload_id)
        return upload is not None and len(upload.parts) == PartPlan.of(len(self.plan.data)).count

    def _has_arrived(self) -> bool:
        """Return True if the job no longer awaits its file, or was retried or deleted by its owner meanwhile."""
        record = self.functions.world.jobs.get(self.job_id)
        if record is None or "DeletedAt" in record or int(record["Generation"]["N"]) > 1:
            return True
        has_file = any(key.startswith("raw/") and self.job_id in key for key in self.functions.world.bucket.objects)
        status = self._get_status()
        # A request about a job that was cancelled meanwhile returns this job.
        is_cancelled = status is JobStatus.CANCELLED
        return is_cancelled or (has_file and status not in {JobStatus.AWAITING_UPLOAD, JobStatus.EXPIRED})

    def _get_status(self) -> JobStatus | None:
        record = self.functions.world.jobs.get(self.job_id)
        return JobStatus(record["Status"]["S"]) if record is not None else None

    def _see(self, what: str) -> None:
        self.functions.world.watch.seen[what] += 1

    def _demand(self, holds: bool, breach: str) -> None:
        self.functions.world.watch._demand(holds, breach)
