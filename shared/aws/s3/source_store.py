"""Objects in buckets of others: looked at, and copied into the image bucket by S3 itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared.aws.errors import error_code, translate_aws_errors
from shared.errors import ImageError, ServiceError, SourceArchived, SourceChanged, SourceForbidden, SourceMissing
from shared.jobs.source import ImportSource, S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

#: Storage classes that S3 reads nothing from before it is restored; GLACIER_IR is none of them.
ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
RESTORED: Final = 'ongoing-request="false"'

REFUSALS: Final[Mapping[str, type[ImageError]]] = {
    # The answer to HeadObject has no body, so botocore has only the status to name.
    "404": SourceMissing,
    "405": SourceMissing,  # the version is a delete marker
    "403": SourceForbidden,
    "400": SourceForbidden,  # encrypted with a key that the caller must bring along, or no version's name
    "NoSuchKey": SourceMissing,
    "NoSuchBucket": SourceMissing,
    "NoSuchVersion": SourceMissing,
    "AccessDenied": SourceForbidden,
    "AllAccessDisabled": SourceForbidden,
    "PreconditionFailed": SourceChanged,
    "InvalidObjectState": SourceArchived,
    "ObjectNotInActiveTierError": SourceArchived,
}


@dataclass(frozen=True, slots=True)
class SourceObject:
    """What S3 says of an object."""

    source: ImportSource
    #: Bytes.
    size: int


class SourceStore:
    """Reads other buckets. Every method raises ServiceError where S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Copy into ``bucket``."""
        self._client = client
        self._bucket = bucket

    def find(self, location: S3Location) -> SourceObject:
        """Look at an object. Raises SourceMissing, SourceForbidden or SourceArchived."""
        version: Any = {"VersionId": location.version} if location.version else {}
        with _refusals():
            facts = self._client.head_object(Bucket=location.bucket, Key=location.key, **version)
        archived = facts.get("StorageClass") in ARCHIVES or "ArchiveStatus" in facts
        if archived and RESTORED not in facts.get("Restore", ""):
            raise SourceArchived
        return SourceObject(ImportSource(location=location, etag=facts["ETag"]), facts["ContentLength"])

    def copy(self, source: ImportSource, key: str) -> None:
        """Copy an object to ``key``: its bytes, and nothing else that it has. Twice is once.

        Raises what :meth:`find` does, and SourceChanged when its content is not what it was.
        """
        location = source.location
        where: CopySourceTypeDef = {"Bucket": location.bucket, "Key": location.key}
        if location.version:
            where["VersionId"] = location.version
        with _refusals():
            self._client.copy_object(
                Bucket=self._bucket,
                Key=key,
                CopySource=where,
                CopySourceIfMatch=source.etag,
                # Tags would need rights of their own; headers and metadata are of nobody that we know.
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType="application/octet-stream",
                StorageClass="STANDARD",
            )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        with translate_aws_errors():
            yield
    except ServiceError as error:
        code = error_code(error.__cause__) if isinstance(error.__cause__, ClientError) else ""
        if code in REFUSALS:
            raise REFUSALS[code] from error
        raise
