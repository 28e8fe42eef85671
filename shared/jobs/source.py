"""Images that are copied instead of sent: objects that lie in a bucket already."""

from dataclasses import dataclass

SCHEME = "s3://"
#: S3's own limit (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location:
    """Where an object lies."""

    bucket: str
    key: str
    #: Of a bucket that keeps versions; None for the newest.
    version: str | None = None

    @property
    def uri(self) -> str:
        """Return the address without the version."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    @property
    def filename(self) -> str:
        """Return what the object would be called as a file."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """The object that a job's image is copied from, in the content that it had when the job was made."""

    location: S3Location
    #: As S3 wrote it, quotes included.
    etag: str


def parse_s3_location(uri: str, version: str | None = None) -> S3Location | None:
    """Read ``s3://bucket/key``; None where it is none.

    Parts of a key that are ``.`` or ``..`` are refused: a client or proxy may resolve them, and then another object is
    looked at than is copied.
    """
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    try:
        is_key = 0 < len(key.encode()) <= MAX_KEY_BYTES and not {".", ".."} & set(key.split("/"))
    except UnicodeEncodeError:
        return None
    if not uri.startswith(SCHEME) or not bucket or not is_key:
        return None
    return S3Location(bucket=bucket, key=key, version=version)
