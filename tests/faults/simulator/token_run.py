"""One random run of upload tokens: pages create more jobs than the tokens allow, and the owner revokes, with faults.

Each client repeats its request, with the same job ID, until it gets a response.

====  ================================================================================================================
T1    A token never counts more files or bytes than it allows.
T2    The counts are those of the jobs that were created with the token.
T3    Nothing is created with a token after its revocation, or after it has expired.
T4    A request is refused only if the token is full, and a client that got a job has it.
====  ================================================================================================================
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from faults.simulator import rendering
from faults.simulator.invocations import Invocation
from faults.simulator.request_run import Record, RequestRun

from api.http.body import Upload
from api.jobs.submission import JobSubmission
from api.uploads.schemas import UploadRequest
from api.uploads.use_cases import Uploads
from shared.errors import TokenExpired, TokenRevoked, TokenUsedUp
from shared.jobs.job import ANONYMOUS
from shared.jobs.job_spec import JobSpec
from shared.jobs.upload_declaration import UploadMethod
from shared.jobs.upload_token import UploadToken
from shared.pipeline.image_formats import JPEG
from shared.pipeline.pipeline import DEFAULT_PIPELINE

#: Two sizes, so that the limit on bytes can be reached before the one on files.
IMAGES = (rendering.GOOD, rendering.GOOD + bytes(len(rendering.GOOD)))
SIZE = len(rendering.GOOD)
TOKENS = ("01HZY3Q1M8Z3J5W7XK9VT00000", "01HZY3Q1M8Z3J5W7XK9VT00001")


class TokenRun(RequestRun):
    """One run of one seed."""

    requests_count = (4, 16)
    faulty_steps = 600

    def _prepare(self) -> None:
        #: Files and bytes of the jobs that were created, by token.
        self.files: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        #: How the file of each job is sent; None for a request that contains it.
        self.methods: dict[str, UploadMethod | None] = {}
        #: Times that were reserved for requests, by job ID.
        self.reserved: dict[str, datetime] = {}
        for token_id in TOKENS:
            self.functions.dependencies.tokens.create(self._draw_token(token_id))

    def _draw_token(self, token_id: str) -> UploadToken:
        max_files = self.random.randint(1, 4)
        return UploadToken(
            id=token_id,
            owner=ANONYMOUS,
            digest="0" * 64,
            spec=JobSpec(DEFAULT_PIPELINE, token_id=token_id),
            created_at=self.world.now,
            expires_at=self.world.now + timedelta(minutes=self.random.choice((1, 60))),
            max_files=max_files,
            max_bytes=SIZE * self.random.choice((max_files, 2 * max_files, 10)),
        )

    def _draw(self) -> Callable[[], object]:
        token_id = self.random.choice(TOKENS)
        if self.random.random() < 0.05:
            self.world.watch.seen["revoke"] += 1
            return lambda: self.functions.dependencies.tokens.revoke(token_id, ANONYMOUS, now=self.world.clock())
        self.world.watch.seen["create"] += 1
        job_id = self.functions.new_id()
        self.methods[job_id] = self.random.choice((None, *UploadMethod))
        return partial(self._create, token_id, job_id, self.random.choice(IMAGES))

    def _is_repeated(self, actor: Invocation) -> bool:
        # Some clients repeat a request for no reason.
        return super()._is_repeated(actor) or self.random.random() < 0.2

    def _create(self, token_id: str, job_id: str, data: bytes) -> None:
        """Create a job as the API does after it has verified the token: it has checked the time and the revocation."""
        dependencies = self.functions.dependencies
        token = dependencies.tokens.find(token_id)
        assert token is not None
        if (problem := token.find_problem(self.world.clock())) is not None:
            raise problem
        at = self.reserved.setdefault(job_id, self.world.clock())
        method = self.methods[job_id]
        try:
            if method is None:
                upload = Upload(data=data, image_format=JPEG)
                submission = JobSubmission.of(dependencies)
                job = submission.submit(upload, token.spec, None, ANONYMOUS, job_id=job_id, at=at).job
            else:
                request = UploadRequest(content_type="image/jpeg", size=len(data), method=method)
                uploads = Uploads.of(dependencies)
                job = uploads.announce(request, token.spec, ANONYMOUS, job_id=job_id, at=at).job
                uploads.instruct(job, start=True)
                self.world.watch.seen[f"upload: {method.value}"] += 1
        except TokenUsedUp:
            self.world.watch.seen["refused"] += 1
            stored = self._item(token_id)
            is_full = int(stored["Files"]["N"]) >= token.max_files
            is_full = is_full or int(stored["Bytes"]["N"]) + len(data) > token.max_bytes
            self._demand(job_id not in self.world.jobs, f"T4 {job_id} exists, but its client is refused")
            self._demand(is_full, f"T4 {token_id} is not full, but refuses {len(data)} bytes: {stored}")
            raise
        except (TokenRevoked, TokenExpired):
            self.world.watch.seen["late"] += 1
            raise
        self._demand(job.id in self.world.jobs, f"T4 {job.id}: a client was told of a job that does not exist")

    def _item(self, token_id: str) -> Record:
        items = self.world.tables.tables["IdempotencyTable"].items.values()
        (found,) = [item for item in items if item["ID"]["S"] == f"token#{token_id}"]
        return found

    def _written(self, table: str, old: Record | None, new: Record | None) -> None:
        if new is None:
            return
        if table == "IdempotencyTable" and "MaxFiles" in new:
            files, size = int(new["Files"]["N"]), int(new["Bytes"]["N"])
            holds = files <= int(new["MaxFiles"]["N"]) and size <= int(new["MaxBytes"]["N"])
            self._demand(holds, f"T1 {new['ID']['S']} counts {files} files and {size} bytes")
        if table == "JobTable" and old is None and "Token" in new:
            token_id = new["Token"]["S"]
            self.files[token_id] += 1
            declared = new.get("Promise", {"M": {}})["M"].get("Size")
            self.sizes[token_id] += int((declared or new["RawSize"])["N"])
            token = self._item(token_id)
            self._demand("RevokedAt" not in token, f"T3 {new['ID']['S']} was created with a revoked token")
            self._demand(token["ValidUntil"]["S"] > new["UploadedAt"]["S"], f"T3 {new['ID']['S']} was created too late")

    def _check_end(self) -> None:
        for token_id in TOKENS:
            stored = self._item(token_id)
            counted = (int(stored["Files"]["N"]), int(stored["Bytes"]["N"]))
            there = (self.files[token_id], self.sizes[token_id])
            self._demand(counted == there, f"T2 {token_id} counts {counted}, but {there} were created")
