"""Settings: one frozen class per Lambda, read once from the environment by its composition root.

A field is named after its environment variable in lower case and carries its unit. ``infra/template.yaml``
sets each of them and ``docs/settings.md`` documents it; a test holds the three together.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.jobs.recovery import Policy

SAME_HOST = "caller"
"""In place of an endpoint: the scheme and host of the request, where S3 is at the same address as the API."""
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
    aws_call_seconds: Positive
    """Longest wait for one answer from an AWS service, before it is tried again."""


class ApiSettings(StoreSettings):
    """Settings of the API Lambda."""

    library_table: str
    """Where callers' presets and the facts of their assets are kept."""
    webhook_table: str
    """Callers' webhooks, and the log of what was sent to them."""
    webhook_secret_table: str
    """Written here, never read."""
    webhook_queue_url: str
    webhook_targets: Literal["public", "any"]
    """Where webhooks may lead: to hosts on the public internet by HTTPS, or anywhere by HTTP too."""
    notifications: Literal["on", "off"]
    """Whether the ends of jobs are told at all."""
    job_queue_url: str
    bulk_queue_url: str
    idempotency_table: str
    operators: str
    """Callers that may see and redrive dead letters: patterns, with commas between them."""
    api_path_prefix: str
    """Path at which a local engine serves the API; empty on AWS, whose gateway tells it."""
    public_endpoint_url: str
    """Endpoint under which a client reaches S3; empty on AWS, where S3 has its own; see ``SAME_HOST``."""
    import_buckets: str
    """Buckets that pictures may be copied from, with commas between them; none where it is empty."""
    upload_seconds: Positive
    """Time for which the form of a direct upload is good."""
    ui_origins: str
    """Origins whose pages may call the API, with commas between them; ``*`` for all."""
    link_seconds: Positive
    """Lifetime of a link to a processed image."""
    retention_days: Positive
    """Age at which a job and its objects are removed."""
    log_retention_days: Positive
    """For how long log lines are kept, which a deletion states."""
    backup_days: Annotated[int, Field(ge=0)]
    """For how long the table can be brought back as it was; 0 where it has no point-in-time recovery."""
    redispatch_seconds: Positive
    """Age at which a PENDING job without news is sent to the queue again."""
    listing_shards: Positive
    """Partitions of the listing index for each owner; must not shrink on a living table."""
    max_raw_bytes: Positive
    max_pixels: Positive
    max_side: Positive
    """Pixels."""
    max_frames: Positive
    max_total_pixels: Positive
    """Of all frames of an animation together. These five are the worker's limits, which a plan foretells."""
    max_asset_bytes: Positive
    """Largest picture that is kept as an asset."""


class WorkerSettings(StoreSettings):
    """Settings of the worker Lambda."""

    job_queue_url: str
    bulk_queue_url: str
    lease_seconds: Positive
    """How long a claim is good for: the function's timeout."""
    redispatch_seconds: Positive
    """First distance between two messages for the same job."""
    record_seconds: Positive
    """Time that must be left in the invocation before a record is started."""
    render_seconds: Positive
    """Longest time that rendering one picture may take."""
    memory_mib: Positive
    """Memory of the function."""
    max_raw_bytes: Positive
    max_pixels: Positive
    max_side: Positive
    """Pixels."""
    max_frames: Positive
    max_total_pixels: Positive
    """Of all frames of an animation together."""
    listing_shards: Positive


class RecoverySettings(StoreSettings):
    """What the two functions that recover jobs must agree on."""

    listing_shards: Positive
    max_attempts: Positive
    """Attempts that may end without a result before a job fails; services' faults do not count."""
    max_dead_letters: Positive
    """Messages that may use up their receives before a job fails; see ``Policy.patience``."""
    redispatch_seconds: Positive
    """First distance between two messages for the same job; it doubles."""
    longest_redispatch_seconds: Positive
    """The distance grows no further."""

    def policy(self) -> Policy:
        """Return how patient recovery is."""
        return Policy(
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

    idempotency_table: str
    """Where it is stated what a deletion has removed."""
    job_queue_url: str
    bulk_queue_url: str


class NotifierSettings(_Settings):
    """Settings of the notifier Lambda."""

    event_topic_arn: str
    event_dead_letter_queue_url: str
    event_source: str
    """What CloudEvents calls the source: names this stack."""
    webhook_queue_url: str
    """Queue of deliveries to webhooks."""
    api_url: str
    """Address of the API without its version, for links in events; empty where only callers know it."""
    aws_call_seconds: Positive
    """Longest wait for one answer from an AWS service, before it is tried again."""


class WebhookSettings(_Settings):
    """Settings of the webhook Lambda."""

    webhook_table: str
    webhook_secret_table: str
    webhook_queue_url: str
    webhook_targets: Literal["public", "any"]
    """Where webhooks may lead: to hosts on the public internet by HTTPS, or anywhere by HTTP too."""
    aws_call_seconds: Positive
    """Longest wait for one answer from an AWS service, before it is tried again."""

    @property
    def sends_anywhere(self) -> bool:
        """Tell whether plain HTTP and internal addresses are allowed."""
        return self.webhook_targets == "any"
