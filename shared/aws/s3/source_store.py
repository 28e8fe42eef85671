"""Sources of imports: objects in other buckets, which S3 copies into the image bucket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared.aws.errors import error_code, translate_aws_errors
from shared.errors import ImageError, ServiceError, SourceArchived, SourceChanged, SourceForbidden, SourceMissing
from shared.jobs.source import NULL_VERSION, ImportSource, S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

#: Storage classes whose objects must be restored before S3 can read them. GLACIER_IR is not one of them.
ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
RESTORED: Final = 'ongoing-request="false"'

REFUSALS: Final[Mapping[str, type[ImageError]]] = {
    # The response to HeadObject has no body, so botocore reports only the status.
    "404": SourceMissing,
    "405": SourceMissing,  # the version is a delete marker
    "403": SourceForbidden,
    "400": SourceForbidden,  # encrypted with a customer-provided key, or a malformed version ID
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
    """An object to import and its size."""

    source: ImportSource
    #: Bytes.
    size: int


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object in a listing."""

    object: SourceObject
    #: True if its storage class is an archive. It can be read if it was restored, which a listing does not say.
    is_archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedVersion(ListedObject):
    """A version of an object in a listing."""

    modified_at: datetime
    #: True if the key has no later version and no delete marker after it.
    is_newest: bool


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions in the order of their keys, and the key and version ID after which the next page starts.

    The key is None on the last page.
    """

    versions: tuple[ListedVersion, ...]
    next_key: str | None
    next_version: str


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Objects in the order of their keys."""

    objects: tuple[ListedObject, ...]
    is_last: bool


class SourceStore:
    """Objects in other buckets. Every method raises ServiceError if S3 does not respond."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Copy into ``bucket``."""
        self._client = client
        self._bucket = bucket

    def find(self, location: S3Location) -> SourceObject:
        """Return an object's ETag and size.

        Raises SourceMissing if the object does not exist, SourceForbidden if S3 refuses the request, and SourceArchived
        if the object must be restored first.
        """
        version: Any = {"VersionId": location.version} if location.version else {}
        with _translate_refusals():
            facts = self._client.head_object(Bucket=location.bucket, Key=location.key, **version)
        archived = facts.get("StorageClass") in ARCHIVES or "ArchiveStatus" in facts
        if archived and RESTORED not in facts.get("Restore", ""):
            raise SourceArchived
        return SourceObject(ImportSource(location=location, etag=facts["ETag"]), facts["ContentLength"])

    def list_objects(self, bucket: str, prefix: str, *, after: str, limit: int) -> ObjectPage:
        """Return up to ``limit`` objects under a prefix, whose keys are after ``after`` in the order of UTF-8 bytes.

        A page can be short although more follow, but only the last one is empty. Raises SourceMissing if the bucket
        does not exist, and SourceForbidden if S3 refuses the request.
        """
        request: Any = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": limit}
        start: Any = {"StartAfter": after} if after else {}
        while True:
            with _translate_refusals():
                page = self._client.list_objects_v2(**request, **start)
            found = page.get("Contents", [])
            if found or not page["IsTruncated"]:
                break
            start = {"ContinuationToken": page["NextContinuationToken"]}
        objects = tuple(
            ListedObject(
                SourceObject(
                    ImportSource(location=S3Location(bucket=bucket, key=each["Key"]), etag=each["ETag"]), each["Size"]
                ),
                is_archived=each.get("StorageClass") in ARCHIVES,
            )
            for each in found
        )
        return ObjectPage(objects, is_last=not page["IsTruncated"])

    def list_versions(self, bucket: str, prefix: str, *, after_key: str, after_version: str, limit: int) -> VersionPage:
        """Return up to ``limit`` versions of objects under a prefix, without delete markers.

        In a bucket without versioning, each object has one version, whose ID is not given. If versioning was turned on
        later and the object was replaced, the ID of this version is ``NULL_VERSION``. A page can be empty although
        more follow. Raises SourceMissing if the bucket does not exist, and SourceForbidden if S3 refuses the request.
        """
        request: Any = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": limit}
        if after_key:
            request["KeyMarker"] = after_key
        if after_version:
            request["VersionIdMarker"] = after_version
        with _translate_refusals():
            page = self._client.list_object_versions(**request)
        versions = tuple(
            ListedVersion(
                SourceObject(
                    ImportSource(
                        location=S3Location(
                            bucket=bucket,
                            key=each["Key"],
                            version=drop_null(each.get("VersionId")) if each["IsLatest"] else each.get("VersionId"),
                        ),
                        etag=each["ETag"],
                    ),
                    each["Size"],
                ),
                is_archived=each.get("StorageClass") in ARCHIVES,
                modified_at=each["LastModified"],
                is_newest=each["IsLatest"],
            )
            for each in page.get("Versions", [])
        )
        if not page["IsTruncated"]:
            return VersionPage(versions, None, "")
        return VersionPage(versions, page["NextKeyMarker"], page.get("NextVersionIdMarker", ""))

    def copy(self, source: ImportSource, key: str) -> None:
        """Copy an object's bytes to ``key``, without its metadata and tags. Idempotent.

        Raises the errors of :meth:`find`, and SourceChanged if the content has changed since the job was created. For
        the raw image of another job, SourceMissing names the job.
        """
        try:
            self._copy(source, key)
        except (SourceMissing, SourceForbidden) as error:
            if source.job_id is None:
                raise
            # S3 also answers 403 for a missing object if the role must not list the bucket.
            raise SourceMissing(
                f"The raw image of job {source.job_id} was removed before this job had its own copy."
                " Upload the image again, or create the job again if that job still exists."
            ) from error

    def _copy(self, source: ImportSource, key: str) -> None:
        location = source.location
        copy_source: CopySourceTypeDef = {"Bucket": location.bucket, "Key": location.key}
        if location.version:
            copy_source["VersionId"] = location.version
        with _translate_refusals():
            self._client.copy_object(
                Bucket=self._bucket,
                Key=key,
                CopySource=copy_source,
                CopySourceIfMatch=source.etag,
                # Copying tags needs more permissions, and metadata of unknown origin must not be kept.
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType="application/octet-stream",
                StorageClass="STANDARD",
            )


def drop_null(version: str | None) -> str | None:
    """Return a version ID, or None for that of objects which were stored without versioning."""
    return None if version in {None, NULL_VERSION} else version


@contextmanager
def _translate_refusals() -> Iterator[None]:
    try:
        with translate_aws_errors():
            yield
    except ServiceError as error:
        code = error_code(error.__cause__) if isinstance(error.__cause__, ClientError) else ""
        if code in REFUSALS:
            raise REFUSALS[code] from error
        raise
