"""The names of objects in the image bucket, made from our own IDs alone.

A file name never becomes part of a key. No two attempts share a key: readers follow only the job's
record, so what a beaten attempt left behind is an orphan that the lifecycle rules remove.
"""

RAW_PREFIX = "raw/"
PROCESSED_PREFIX = "processed/"
DEAD_LETTER_PREFIX = "dead-letters/"


def raw_key(job_id: str) -> str:
    """Name the raw image that came through the API."""
    return f"{RAW_PREFIX}api/{job_id}"


def processed_prefix(job_id: str) -> str:
    """Return what the keys of all processed images of a job begin with."""
    return f"{PROCESSED_PREFIX}{job_id}/"


def processed_key(job_id: str, attempt: int, output: str, extension: str) -> str:
    """Name the processed image of one attempt and one output."""
    return f"{processed_prefix(job_id)}{attempt}/{output}.{extension}"


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
