"""Sources of jobs: objects in other S3 buckets, files on web servers, and stored raw images of other jobs."""

from dataclasses import dataclass
from posixpath import basename
from typing import Final
from urllib.parse import unquote, urlsplit

from shared.ids import is_id
from shared.network.urls import find_url_problem

SCHEME = "s3://"
#: The start of a source that is the raw image of another job.
JOB_SCHEME: Final = "job:"
#: S3's own limit (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
MAX_KEY_BYTES = 1024
#: Version ID of objects that were stored while the bucket had no versioning.
NULL_VERSION = "null"


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
    #: ID of the job whose raw image the object is; None for an object in another bucket. Records of older versions have
    #: none either.
    job_id: str | None = None

    @property
    def shown(self) -> str:
        """Return the URI of the object, or the job whose raw image it is, as in a request."""
        return f"{JOB_SCHEME}{self.job_id}" if self.job_id else self.location.uri

    @property
    def filename(self) -> str:
        """Return the last part of the key."""
        return self.location.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlSource:
    """A file on a web server. The first complete download is what the job processes."""

    url: str

    @property
    def host(self) -> str:
        """Return the name of the host, in lower case."""
        return urlsplit(self.url).hostname or ""

    @property
    def shown(self) -> str:
        """Return the URL without its query, which may be a signature that gives access to the file."""
        return self.url.partition("?")[0]

    @property
    def filename(self) -> str:
        """Return the last part of the path, decoded."""
        return basename(unquote(urlsplit(self.url).path))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReference:
    """The raw image of another job of the same owner."""

    job_id: str


def is_job_source(source: str) -> bool:
    """Return True if a source is the raw image of a job, with a valid ID or not."""
    return source[: len(JOB_SCHEME)].lower() == JOB_SCHEME


def parse_job_source(source: str) -> JobReference | None:
    """Parse ``job:ID``. Return None if it is malformed. Upper and lower case make no difference."""
    job_id = source[len(JOB_SCHEME) :].upper()
    return JobReference(job_id=job_id) if is_job_source(source) and is_id(job_id) else None


def is_url(source: str) -> bool:
    """Return True if a source is the URL of a web server, valid or not."""
    return source[:8].lower().startswith(("http://", "https://"))


def is_host_allowed(host: str, patterns: frozenset[str]) -> bool:
    """Return True if a host matches one of the patterns: its name, ``*.`` and the end of its name, or ``*``."""
    name = host.lower().removesuffix(".")
    parents = {f"*.{name[index + 1 :]}" for index, character in enumerate(name) if character == "."}
    return bool(patterns & {name, "*", *parents})


def find_source_problem(url: str, patterns: frozenset[str], *, allow_internal: bool) -> str | None:
    """Return why a URL can't be a source, or None if it can. ``patterns`` are those of the allowed hosts."""
    if problem := find_url_problem(url, allow_internal=allow_internal):
        return problem
    return None if is_host_allowed(UrlSource(url=url).host, patterns) else "has a host that is not allowed"


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
