"""Settings: one frozen class per Lambda, which its composition root reads from the environment.

The name of a field is its environment variable in lower case, with its unit. ``infra/template.yaml`` sets the variables
and ``docs/settings.md`` documents them; a test compares the three.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.jobs.recovery import RecoveryPolicy
from shared.pipeline.limits import Limits

#: Value of an endpoint setting: use the scheme and host of the request, because S3 has the same address as the API.
SAME_HOST = "caller"
Positive = Annotated[int, Field(ge=1)]


class _Settings(BaseModel):
    """Base of all settings. A validation error names the variable."""

    # The environment holds credentials, which pydantic must not quote in its errors.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper, hide_input_in_errors=True)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. Raises pydantic's ValidationError, which names each invalid variable."""
        return cls.model_validate(dict(environment))


class StoreSettings(_Settings):
    """Settings of all Lambdas that read or write jobs."""

    image_bucket: str
    job_table: str
    batch_table: str
    #: Partitions of the listing index for each owner. Must not shrink once jobs are stored.
    listing_shards: Positive
    #: Timeout of one try of a call to an AWS service.
    aws_call_seconds: Positive


class SenderSettings(_Settings):
    """Settings of all Lambdas that send messages."""

    #: Whether messages have a group for their owner, so that SQS shares its consumers fairly between owners.
    fair_queues: Literal["on", "off"]

    @property
    def has_fair_queues(self) -> bool:
        """Return True if messages have a group."""
        return self.fair_queues == "on"


class LimitSettings(_Settings):
    """The limits of images, which the worker enforces and plans use."""

    max_raw_bytes: Positive
    max_pixels: Positive
    #: Pixels.
    max_side: Positive
    max_frames: Positive
    #: Maximum number of pixels in all frames of an animation together.
    max_total_pixels: Positive
    #: Whether HEIC and HEIF files are accepted.
    heif_input: Literal["on", "off"]

    def limits(self) -> Limits:
        """Return the limits."""
        return Limits(
            max_bytes=self.max_raw_bytes,
            max_pixels=self.max_pixels,
            max_side=self.max_side,
            max_frames=self.max_frames,
            max_total_pixels=self.max_total_pixels,
            heif=self.heif_input == "on",
        )


class SourceSettings(_Settings):
    """Settings of imports from web servers."""

    #: Comma-separated patterns of hosts that are open for imports; empty for none.
    import_hosts: str
    #: Allowed URLs: HTTPS to public hosts, or HTTP and HTTPS to any host.
    import_targets: Literal["public", "any"]

    @property
    def open_hosts(self) -> frozenset[str]:
        """Return the patterns of hosts, in lower case."""
        return frozenset(filter(None, self.import_hosts.lower().split(",")))

    @property
    def allows_internal_sources(self) -> bool:
        """Return True if plain HTTP and internal addresses are allowed."""
        return self.import_targets == "any"


class WatchSettings(StoreSettings):
    """Settings of watches."""

    #: Comma-separated buckets that can be watched; empty for none.
    watch_buckets: str

    @property
    def watchable_buckets(self) -> frozenset[str]:
        """Return the buckets that can be watched. The image bucket never is, because a job writes to it."""
        return frozenset(filter(None, self.watch_buckets.split(","))) - {self.image_bucket}


class OwnerLimitSettings(StoreSettings):
    """The limits of each owner."""

    #: Open jobs of one owner; 0 for no limit.
    owner_open_jobs: Annotated[int, Field(ge=0)]
    #: Bytes that one owner may upload per day (UTC); 0 for no limit.
    owner_daily_bytes: Annotated[int, Field(ge=0)]
    #: Largest raw image, which is also what an upload counts that declares no size.
    max_raw_bytes: Positive


class ApiSettings(OwnerLimitSettings, WatchSettings, SenderSettings, LimitSettings, SourceSettings):
    """Settings of the API Lambda."""

    #: Table of presets and asset records.
    library_table: str
    #: Table of webhooks and their deliveries.
    webhook_table: str
    #: Table of signing secrets, which the API only writes.
    webhook_secret_table: str
    webhook_queue_url: str
    #: Allowed webhook URLs: HTTPS to public hosts, or HTTP and HTTPS to any host.
    webhook_targets: Literal["public", "any"]
    #: Whether events are sent when jobs end.
    notifications: Literal["on", "off"]
    job_queue_url: str
    bulk_queue_url: str
    idempotency_table: str
    #: Requests of one owner per minute; 0 for no limit.
    owner_requests: Annotated[int, Field(ge=0)]
    #: Callers that can list and redrive dead letters: comma-separated patterns.
    operators: str
    #: Path prefix of the API on a local engine; empty on AWS, where the events of the gateway contain it.
    api_path_prefix: str
    #: S3 endpoint that callers can reach: a URL, empty for S3's own endpoint, or ``SAME_HOST``.
    public_endpoint_url: str
    #: Comma-separated buckets that are open for imports; empty for none.
    import_buckets: str
    #: Lifetime of an upload form.
    upload_seconds: Positive
    #: Days for which a multipart upload can be resumed.
    multipart_days: Positive
    #: Comma-separated origins whose pages can call the API; ``*`` for all.
    ui_origins: str
    #: Lifetime of a link to a processed image.
    link_seconds: Positive
    #: Longest wait of ``Prefer: wait=N``; 0 to answer at once.
    max_wait_seconds: Annotated[int, Field(ge=0, le=20)]
    #: Age at which a job and its objects are deleted.
    retention_days: Positive
    #: Retention of log lines, which deletions report.
    log_retention_days: Positive
    #: Days for which point-in-time recovery keeps backups of the table; 0 without it.
    backup_days: Annotated[int, Field(ge=0)]
    #: Age at which a PENDING job's message is sent again.
    redispatch_seconds: Positive
    #: Largest asset.
    max_asset_bytes: Positive
    #: The worker's limit for the CPU time of one image.
    render_seconds: Positive
    #: What the worker does if the sandbox is incomplete; see ``WorkerSettings``.
    sandbox: Literal["best", "require"]


class WalkerSettings(OwnerLimitSettings, WatchSettings, SenderSettings):
    """Settings of the walker Lambda."""

    bulk_queue_url: str
    #: Comma-separated buckets that are open for imports; empty for none.
    import_buckets: str
    #: Minutes between two catch-ups of a watch.
    catch_up_minutes: Positive
    #: Age at which a job and its objects are deleted.
    retention_days: Positive
    #: Age at which a PENDING job's message is sent again.
    redispatch_seconds: Positive


class WorkerSettings(StoreSettings, LimitSettings, SourceSettings):
    """Settings of the worker Lambda."""

    job_queue_url: str
    bulk_queue_url: str
    #: Duration of a claim: the timeout of the Lambda.
    lease_seconds: Positive
    #: Attempts without a result until a job fails. Uncounted attempts are not included.
    max_attempts: Positive
    #: First interval between two messages for a job.
    redispatch_seconds: Positive
    #: A record is started only if at least this much time of the invocation is left.
    record_seconds: Positive
    #: Time limit for rendering one image.
    render_seconds: Positive
    #: Memory of the Lambda.
    memory_mib: Positive
    #: ``require``: render nothing if the sandbox is incomplete. ``best``: apply what the system supports.
    sandbox: Literal["best", "require"]


class RecoverySettings(StoreSettings):
    """Settings of the two Lambdas that recover jobs."""

    #: Attempts without a result until a job fails. Uncounted attempts are not included.
    max_attempts: Positive
    #: Messages that become dead letters until a job fails; see ``RecoveryPolicy.give_up_after``.
    max_dead_letters: Positive
    #: First interval between two messages for a job. It doubles.
    redispatch_seconds: Positive
    #: Longest interval.
    longest_redispatch_seconds: Positive

    def policy(self) -> RecoveryPolicy:
        """Return the limits of recovery."""
        return RecoveryPolicy(
            max_attempts=self.max_attempts,
            max_dead_letters=self.max_dead_letters,
            redispatch=timedelta(seconds=self.redispatch_seconds),
            longest_redispatch=timedelta(seconds=self.longest_redispatch_seconds),
        )


class DeadLetterSettings(RecoverySettings):
    """Settings of the dead-letter Lambda."""

    dead_letter_queue_url: str


class UploadSettings(StoreSettings, SenderSettings):
    """Settings of the upload Lambda."""

    job_queue_url: str
    bulk_queue_url: str


class ReconcilerSettings(RecoverySettings, SenderSettings):
    """Settings of the reconciler Lambda."""

    #: Table of deletions.
    idempotency_table: str
    job_queue_url: str
    bulk_queue_url: str
    #: Days for which a multipart upload can be resumed.
    multipart_days: Positive

    def policy(self) -> RecoveryPolicy:
        """Return the limits of recovery."""
        return replace(super().policy(), multipart_lifetime=timedelta(days=self.multipart_days))


class NotifierSettings(SenderSettings):
    """Settings of the notifier Lambda."""

    event_topic_arn: str
    event_dead_letter_queue_url: str
    #: ``source`` of CloudEvents: identifies this stack.
    event_source: str
    #: Queue of deliveries to webhooks.
    webhook_queue_url: str
    #: URL of the API without its version, for links in events; empty if it is not known.
    api_url: str
    #: Timeout of one try of a call to an AWS service.
    aws_call_seconds: Positive


class WebhookSettings(SenderSettings):
    """Settings of the webhook Lambda."""

    webhook_table: str
    webhook_secret_table: str
    webhook_queue_url: str
    #: Allowed webhook URLs: HTTPS to public hosts, or HTTP and HTTPS to any host.
    webhook_targets: Literal["public", "any"]
    #: Timeout of one try of a call to an AWS service.
    aws_call_seconds: Positive

    @property
    def allows_internal_targets(self) -> bool:
        """Return True if plain HTTP and internal addresses are allowed."""
        return self.webhook_targets == "any"
