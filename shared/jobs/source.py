"""Sources of imports: objects in other S3 buckets."""

from dataclasses import dataclass

SCHEME = "s3://"
#: S3's own limit (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location:
    """The location of an S3 object."""

    bucket: str
    key: str
    #: Version ID in a versioned bucket; None for the newest version.
    version: str | None = None

    @property
    def uri(self) -> str:
        """Return the URI without the version."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    @property
    def filename(self) -> str:
        """Return the last part of the key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """The object to import, pinned to the content that it had when the job was created."""

    location: S3Location
    #: As returned by S3, with quotes.
    etag: str


def parse_s3_location(uri: str, version: str | None = None) -> S3Location | None:
    """Parse ``s3://bucket/key``. Return None if it is malformed.

    A key with ``.`` or ``..`` between slashes is also malformed. A client or proxy may resolve it, so the object that
    is checked could be different from the object that is copied.
    """
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    try:
        is_key = 0 < len(key.encode()) <= MAX_KEY_BYTES and not {".", ".."} & set(key.split("/"))
    except UnicodeEncodeError:
        return None
    if not uri.startswith(SCHEME) or not bucket or not is_key:
        return None
    return S3Location(bucket=bucket, key=key, version=version)
