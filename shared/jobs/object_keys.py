"""The keys of objects in the image bucket.

Keys of images contain only our own IDs, never file names. Two attempts never store outputs under the same key. Readers
use only the keys in the job record, so nothing refers to the outputs of a superseded attempt. Lifecycle rules delete
them.
"""

import hashlib

from shared.ids import is_id

RAW_PREFIX = "raw/"
#: Direct uploads. Their S3 events go to the interactive queue, if necessary through the upload function.
DIRECT_PREFIX = f"{RAW_PREFIX}direct/"
#: Direct uploads of members of batches. Their S3 events go to the bulk queue in the same way.
BULK_PREFIX = f"{RAW_PREFIX}bulk/"
#: Imports. The worker itself copies them, so S3 sends no events.
IMPORT_PREFIX = f"{RAW_PREFIX}import/"
#: Copies of direct uploads, which workers make. No form can write there.
PINNED_PREFIX = f"{RAW_PREFIX}pinned/"
PROCESSED_PREFIX = "processed/"
DEAD_LETTER_PREFIX = "dead-letters/"
#: Assets, which no lifecycle rule deletes.
ASSET_PREFIX = "assets/"


def raw_key(job_id: str) -> str:
    """Return the key of a raw image that was uploaded through the API."""
    return f"{RAW_PREFIX}api/{job_id}"


def direct_key(job_id: str, *, bulk: bool) -> str:
    """Return the key of a raw image that is uploaded directly to S3. The prefix of the key selects the queue."""
    return (BULK_PREFIX if bulk else DIRECT_PREFIX) + job_id


def import_key(job_id: str) -> str:
    """Return the key to which the raw image of an import is copied."""
    return IMPORT_PREFIX + job_id


def pinned_prefix(job_id: str) -> str:
    """Return the prefix of all copies of a job's upload."""
    return f"{PINNED_PREFIX}{job_id}/"


def pinned_key(job_id: str, attempt: int) -> str:
    """Return the key of the copy that one attempt makes of the upload that it has read."""
    return f"{pinned_prefix(job_id)}{attempt}"


def job_of_direct_key(key: str) -> str | None:
    """Return the ID of the job that a direct upload belongs to, or None if the key is not one of a direct upload."""
    for prefix in (DIRECT_PREFIX, BULK_PREFIX):
        job_id = key.removeprefix(prefix)
        if job_id != key and is_id(job_id):
            return job_id
    return None


def is_bulk_key(key: str) -> bool:
    """Return True if a direct upload with this key belongs to a member of a batch."""
    return key.startswith(BULK_PREFIX)


def processed_prefix(job_id: str) -> str:
    """Return the prefix of all processed images of a job."""
    return f"{PROCESSED_PREFIX}{job_id}/"


def processed_key(job_id: str, attempt: int, output: str, extension: str) -> str:
    """Return the key of one output of one attempt."""
    return f"{processed_prefix(job_id)}{attempt}/{output}.{extension}"


def attempt_of_key(key: str) -> int | None:
    """Return the attempt that a processed image belongs to, or None if the key is not one of a processed image."""
    attempt = key.removeprefix(PROCESSED_PREFIX).split("/")[1:2] if key.startswith(PROCESSED_PREFIX) else []
    return int(attempt[0]) if attempt and attempt[0].isdecimal() else None


def asset_folder(owner: str, name: str) -> str:
    """Return the prefix of the keys of an asset's content, in all its versions.

    The owner is hashed, because it can be an ARN, which can contain slashes. ``name`` must match
    ``shared.names.NAME_PATTERN``.
    """
    return f"{ASSET_PREFIX}{hashlib.sha256(owner.encode()).hexdigest()[:32]}/{name}/"


def asset_key(owner: str, name: str, digest: str) -> str:
    """Return the key of an asset's content. Different content has a different key."""
    return asset_folder(owner, name) + digest


def dead_letter_key(message_id: str) -> str:
    """Return the key of the stored copy of an unreadable message."""
    return f"{DEAD_LETTER_PREFIX}{message_id}.json"


def s3_uri(bucket: str, key: str) -> str:
    """Return the URI of an object, as in the attribute ``S3Path`` of the job table."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and key of a URI that :func:`s3_uri` has returned."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
