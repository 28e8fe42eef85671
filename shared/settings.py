"""Settings: one frozen class per Lambda, read once from the environment by its composition root.

A field is named after its environment variable in lower case and carries its unit. ``infra/template.yaml``
sets each of them and ``docs/settings.md`` documents it; a test holds the three together.
"""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]


class _Settings(BaseModel):
    """The complaint about a bad value names its variable."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. Raises pydantic's ValidationError, which names each wrong variable."""
        return cls.model_validate(dict(environment))


class StoreSettings(_Settings):
    """What every function needs to find the data."""

    image_bucket: str
    job_table: str
    aws_call_seconds: Positive
    """Longest wait for one answer from an AWS service, before it is tried again."""


class ApiSettings(StoreSettings):
    """Settings of the API Lambda."""

    job_queue_url: str
    api_path_prefix: str
    """Path at which the gateway serves the API: ``/{stage}`` on AWS, longer on local engines."""
    public_endpoint_url: str
    """Endpoint under which a client reaches S3; empty on AWS, where S3 has its own."""
    link_seconds: Positive
    """Lifetime of a link to a processed image."""
    retention_days: Positive
    """Age at which a job and its objects are removed."""
    redispatch_seconds: Positive
    """Age at which a PENDING job without news is sent to the queue again."""
    listing_shards: Positive
    """Partitions of the listing index for each owner; must not shrink on a living table."""


class WorkerSettings(StoreSettings):
    """Settings of the worker Lambda."""

    job_queue_url: str
    bulk_queue_url: str
    lease_seconds: Positive
    """How long a claim is good for: the function's timeout."""
    record_seconds: Positive
    """Time that must be left in the invocation before a record is started."""
    max_raw_bytes: Positive
    max_pixels: Positive
    max_side: Positive
    """Pixels."""
    listing_shards: Positive


class DeadLetterSettings(StoreSettings):
    """Settings of the dead-letter Lambda."""

    dead_letter_queue_url: str
    listing_shards: Positive
