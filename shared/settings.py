"""Settings: one frozen class per Lambda, read once from the environment by its composition root.

A field is named after its environment variable in lower case and carries its unit. ``infra/template.yaml``
sets each of them and ``docs/settings.md`` documents it; a test holds the three together.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.jobs.recovery import RecoveryPolicy

#: In place of an endpoint: the scheme and host of the request, where S3 is at the same address as the API.
SAME_HOST = "caller"
Positive = Annotated[int, Field(ge=1)]


class _Settings(BaseModel):
    """The complaint about a bad value names its variable."""

    # The environment holds credentials, and pydantic would quote it in its complaint.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper, hide_input_in_errors=True)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. Raises pydantic's ValidationError, which names each wrong variable."""
        return cls.model_validate(dict(environment))


class StoreSettings(_Settings):
    """What every function needs to find the data."""

    image_bucket: str
    job_table: str
    batch_table: str
    #: Partitions of the listing index for each owner. Must not shrink once jobs are stored.
    listing_shards: Positive
    #: Longest wait for one answer from an AWS service, before it is tried again.
    aws_call_seconds: Positive


class ApiSettings(StoreSettings):
    """Settings of the API Lambda."""

    #: Where callers' presets and the facts of their assets are kept.
    library_table: str
    #: Callers' webhooks, and the log of what was sent to them.
    webhook_table: str
    #: Written here, never read.
    webhook_secret_table: str
    webhook_queue_url: str
    #: Where webhooks may lead: to hosts on the public internet by HTTPS, or anywhere by HTTP too.
    webhook_targets: Literal["public", "any"]
    #: Whether the ends of jobs are told at all.
    notifications: Literal["on", "off"]
    job_queue_url: str
    bulk_queue_url: str
    idempotency_table: str
    #: Callers that may see and redrive dead letters: patterns, with commas between them.
    operators: str
    #: Path at which a local engine serves the API; empty on AWS, whose gateway tells it.
    api_path_prefix: str
    #: Endpoint under which a client reaches S3; empty on AWS, where S3 has its own; see ``SAME_HOST``.
    public_endpoint_url: str
    #: Buckets that images may be copied from, with commas between them; none where it is empty.
    import_buckets: str
    #: Time for which the form of a direct upload is good.
    upload_seconds: Positive
    #: Origins whose pages may call the API, with commas between them; ``*`` for all.
    ui_origins: str
    #: Lifetime of a link to a processed image.
    link_seconds: Positive
    #: Age at which a job and its objects are removed.
    retention_days: Positive
    #: For how long log lines are kept, which a deletion states.
    log_retention_days: Positive
    #: For how long the table can be brought back as it was; 0 where it has no point-in-time recovery.
    backup_days: Annotated[int, Field(ge=0)]
    #: Age at which a PENDING job without news is sent to the queue again.
    redispatch_seconds: Positive
    max_raw_bytes: Positive
    max_pixels: Positive
    #: Pixels.
    max_side: Positive
    max_frames: Positive
    #: Of all frames of an animation together. These five are the worker's limits, which a plan foretells.
    max_total_pixels: Positive
    #: Largest image that is kept as an asset.
    max_asset_bytes: Positive


class WorkerSettings(StoreSettings):
    """Settings of the worker Lambda."""

    job_queue_url: str
    bulk_queue_url: str
    #: How long a claim is good for: the function's timeout.
    lease_seconds: Positive
    #: First distance between two messages for the same job.
    redispatch_seconds: Positive
    #: Time that must be left in the invocation before a record is started.
    record_seconds: Positive
    #: Longest time that rendering one image may take.
    render_seconds: Positive
    #: Memory of the function.
    memory_mib: Positive
    max_raw_bytes: Positive
    max_pixels: Positive
    #: Pixels.
    max_side: Positive
    max_frames: Positive
    #: Of all frames of an animation together.
    max_total_pixels: Positive


class RecoverySettings(StoreSettings):
    """What the two functions that recover jobs must agree on."""

    #: Attempts that may end without a result before a job fails; services' faults do not count.
    max_attempts: Positive
    #: Messages that may use up their receives before a job fails; see ``Policy.give_up_after``.
    max_dead_letters: Positive
    #: First distance between two messages for the same job; it doubles.
    redispatch_seconds: Positive
    #: The distance grows no further.
    longest_redispatch_seconds: Positive

    def policy(self) -> RecoveryPolicy:
        """Return how patient recovery is."""
        return RecoveryPolicy(
            max_attempts=self.max_attempts,
            max_dead_letters=self.max_dead_letters,
            redispatch=timedelta(seconds=self.redispatch_seconds),
            longest_redispatch=timedelta(seconds=self.longest_redispatch_seconds),
        )


class DeadLetterSettings(RecoverySettings):
    """Settings of the dead-letter Lambda."""

    dead_letter_queue_url: str


class ReconcilerSettings(RecoverySettings):
    """Settings of the reconciler Lambda."""

    #: Where it is stated what a deletion has removed.
    idempotency_table: str
    job_queue_url: str
    bulk_queue_url: str


class NotifierSettings(_Settings):
    """Settings of the notifier Lambda."""

    event_topic_arn: str
    event_dead_letter_queue_url: str
    #: What CloudEvents calls the source: names this stack.
    event_source: str
    #: Queue of deliveries to webhooks.
    webhook_queue_url: str
    #: Address of the API without its version, for links in events; empty where only callers know it.
    api_url: str
    #: Longest wait for one answer from an AWS service, before it is tried again.
    aws_call_seconds: Positive


class WebhookSettings(_Settings):
    """Settings of the webhook Lambda."""

    webhook_table: str
    webhook_secret_table: str
    webhook_queue_url: str
    #: Where webhooks may lead: to hosts on the public internet by HTTPS, or anywhere by HTTP too.
    webhook_targets: Literal["public", "any"]
    #: Longest wait for one answer from an AWS service, before it is tried again.
    aws_call_seconds: Positive

    @property
    def allows_internal_targets(self) -> bool:
        """Tell whether plain HTTP and internal addresses are allowed."""
        return self.webhook_targets == "any"
