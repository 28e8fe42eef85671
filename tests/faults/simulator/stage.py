"""A world for tests that call the real tables, stores and functions directly, without a random order."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from faults.simulator import rendering
from faults.simulator.functions import Functions
from faults.simulator.invocations import Invocation
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.settings import BUCKET
from faults.simulator.world import World
from support import sample_jobs

from shared.aws.dynamodb.job_table import ClaimRefusal, JobTable
from shared.jobs import object_keys
from shared.jobs.job import ANONYMOUS, Job
from shared.jobs.message import JobMessage

LEASE = timedelta(seconds=60)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
MAX_ATTEMPTS = 5


@dataclass
class Stage:
    """A world, and its platform."""

    functions: Functions
    platform: LambdaPlatform

    @property
    def world(self) -> World:
        """Return the world."""
        return self.functions.world

    @property
    def jobs(self) -> JobTable:
        """Return the job table."""
        return self.functions.dependencies.jobs

    def create(self, **changes: Any) -> Job:
        """Store a job with its raw image, and return it."""
        made = sample_jobs.make_job()
        now = self.world.now
        job = replace(
            made,
            id=self.functions.new_id(),
            owner=ANONYMOUS,
            uploaded_at=now,
            timestamp=now,
            due_at=now,
            expires_at=None,
        )
        job = replace(job, raw=replace(job.raw, key=object_keys.raw_key(job.id)), **changes)
        self.world.bucket.call("PutObject", {"Bucket": BUCKET, "Key": job.raw.key, "Body": rendering.GOOD})
        return self.jobs.create(job)

    def claim(self, job: Job, *, generation: int = 1, at: datetime | None = None) -> Job | ClaimRefusal:
        """Claim a job."""
        message = JobMessage(job_id=job.id, generation=generation)
        return self.jobs.claim(message, now=at or self.world.now, lease=LEASE, max_attempts=MAX_ATTEMPTS)

    def run(self, actor: Invocation) -> Any:
        """Run an invocation to its end; return its result."""
        while actor.end is None:
            ready = self.world.ready()
            if not ready:
                self.world.pass_time(timedelta(seconds=1))
                continue
            self.world.advance(ready[0])
        return actor.result

    def send_twice(self, patch: pytest.MonkeyPatch) -> None:
        """Send each request of the jobs' client twice, as botocore does if the first response is lost."""
        client: Any = self.jobs._client
        real = client._make_api_call

        def call(operation: str, request: dict[str, Any]) -> Any:
            with suppress(ClientError):
                real(operation, request)
            return real(operation, request)

        patch.setattr(client, "_make_api_call", call)

    def reconcile(self) -> Any:
        """Run the reconciler; return the steps that it took."""
        return self.run(self.platform.run_reconciler())
