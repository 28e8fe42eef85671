"""The names of objects in the image bucket, made from our own IDs alone.

A file name never becomes part of a key. No two attempts share a key: readers follow only the job's
record, so what a beaten attempt left behind is an orphan that the lifecycle rules remove.
"""

import hashlib

from shared.ids import is_id

RAW_PREFIX = "raw/"
#: Presigned uploads: S3 tells the interactive queue of each.
DIRECT_PREFIX = f"{RAW_PREFIX}direct/"
#: Presigned uploads of members of batches: S3 tells the bulk queue.
BULK_PREFIX = f"{RAW_PREFIX}bulk/"
#: Copies that the worker makes itself, so nobody needs to be told of them.
IMPORT_PREFIX = f"{RAW_PREFIX}import/"
PROCESSED_PREFIX = "processed/"
DEAD_LETTER_PREFIX = "dead-letters/"
#: Kept until their owner deletes them; no lifecycle rule.
ASSET_PREFIX = "assets/"


def raw_key(job_id: str) -> str:
    """Name the raw image that came through the API."""
    return f"{RAW_PREFIX}api/{job_id}"


def direct_key(job_id: str, *, bulk: bool) -> str:
    """Name the raw image that its owner sends directly to S3. The prefix decides which queue hears of it."""
    return (BULK_PREFIX if bulk else DIRECT_PREFIX) + job_id


def import_key(job_id: str) -> str:
    """Name the raw image that is copied from another bucket."""
    return IMPORT_PREFIX + job_id


def job_of_direct_key(key: str) -> str | None:
    """Return the job whose bytes lie under a key, or None where nobody is to send bytes there."""
    for prefix in (DIRECT_PREFIX, BULK_PREFIX):
        job_id = key.removeprefix(prefix)
        if job_id != key and is_id(job_id):
            return job_id
    return None


def processed_prefix(job_id: str) -> str:
    """Return what the keys of all processed images of a job begin with."""
    return f"{PROCESSED_PREFIX}{job_id}/"


def processed_key(job_id: str, attempt: int, output: str, extension: str) -> str:
    """Name the processed image of one attempt and one output."""
    return f"{processed_prefix(job_id)}{attempt}/{output}.{extension}"


def asset_folder(owner: str, name: str) -> str:
    """Name the folder of all contents that one owner's asset has had.

    The owner is hashed: an ARN has slashes. ``name`` must have the shape that ``shared.names`` demands.
    """
    return f"{ASSET_PREFIX}{hashlib.sha256(owner.encode()).hexdigest()[:32]}/{name}/"


def asset_key(owner: str, name: str, digest: str) -> str:
    """Name one content of an asset: another content never takes its place."""
    return asset_folder(owner, name) + digest


def dead_letter_key(message_id: str) -> str:
    """Name the copy that is kept of a message that nobody could read."""
    return f"{DEAD_LETTER_PREFIX}{message_id}.json"


def s3_uri(bucket: str, key: str) -> str:
    """Join bucket and key as in the table's ``S3Path``."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Take bucket and key out of what :func:`s3_uri` made."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
