"""The image bucket: raw and processed images, and links to them."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from botocore.exceptions import ClientError

from shared.aws.errors import error_code, translate_aws_errors
from shared.aws.s3.multipart_uploads import MultipartUploads, SignedRequest
from shared.aws.s3.upload_forms import UploadForm, sign_form, sign_put
from shared.aws.s3.url_signer import get_url_signer
from shared.clock import utc_now
from shared.errors import RawImageMissing, ServiceError, ServiceUnavailable, TooManyBytes
from shared.filenames import content_disposition
from shared.jobs import object_keys
from shared.jobs.job import Job, ProcessedImage, RawImage
from shared.pipeline.asset import Asset
from shared.pipeline.image_formats import BY_NAME

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef, ObjectTypeDef


class _Checksum(TypedDict, total=False):
    """Parameters of a call that compares an object with its checksum."""

    ChecksumMode: Literal["ENABLED"]


#: Maximum number of objects in one call. This is S3's limit.
MAX_DELETED = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned link to one image. Anyone who has it can use it until it expires."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Signing:
    """How a link is signed: how long it is valid, from when, and whether for HEAD."""

    lifetime: timedelta
    now: datetime
    is_head: bool


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the bucket."""

    key: str
    #: Bytes.
    size: int


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """The stored copy of an unreadable message."""

    key: str
    #: Bytes.
    size: int
    at: datetime


class ImageStore:
    """Objects of one bucket. Every method raises ServiceError if S3 does not respond."""

    def __init__(self, client: "S3Client", bucket: str, *, presigner: "S3Client | None" = None) -> None:
        """Use ``bucket``; ``presigner`` is a client for the endpoint that callers can reach."""
        self._client = client
        self._presigner = presigner or client
        self.bucket = bucket

    @property
    def multipart(self) -> MultipartUploads:
        """Return the multipart uploads to the bucket."""
        return MultipartUploads(self._client, self._presigner, self.bucket)

    def with_presigner(self, presigner: "S3Client") -> "ImageStore":
        """Return the same store with another client for links."""
        return ImageStore(self._client, self.bucket, presigner=presigner)

    def put_raw(self, raw: RawImage, data: bytes, media_type: str) -> None:
        """Store a raw image. S3 verifies its digest."""
        self._put(raw.key, data, media_type, raw.digest or hashlib.sha256(data).hexdigest())

    def put_processed(self, facts: ProcessedImage, data: bytes) -> None:
        """Store a processed image."""
        self._put(facts.key, data, facts.media_type, facts.digest)

    def store_dead_letter(self, message_id: str, body: bytes) -> str:
        """Store a copy of an unreadable message and return its key."""
        key = object_keys.dead_letter_key(message_id)
        self._put(key, body, "application/json", hashlib.sha256(body).hexdigest())
        return key

    def list_dead_letters(self, after: str, limit: int) -> list[StoredDeadLetter]:
        """Return the next stored messages after a key. A list that is shorter than ``limit`` is the last one."""
        found = self._list(object_keys.DEAD_LETTER_PREFIX, after=after, limit=limit)
        return [StoredDeadLetter(entry["Key"], entry["Size"], entry["LastModified"]) for entry in found]

    def get_declared(self, raw: RawImage, *, max_bytes: int) -> bytes:
        """Return the bytes of an upload whose declared digest the caller compares with them.

        Hashing them twice would take as long as a call. Raises the errors of :meth:`get_raw`.
        """
        return self._get(raw, max_bytes=max_bytes, is_compared=True)

    def get_raw(self, raw: RawImage, *, max_bytes: int) -> bytes:
        """Return the bytes of a raw image, compared with the digest in ``raw`` or, without one, S3's checksum.

        Raises RawImageMissing if the object does not exist or its digest differs from the digest in ``raw``. Raises
        TooManyBytes, without reading the object, if it exceeds ``max_bytes``.
        """
        return self._get(raw, max_bytes=max_bytes, is_compared=raw.digest is not None)

    def _get(self, raw: RawImage, *, max_bytes: int, is_compared: bool) -> bytes:
        try:
            with translate_aws_errors():
                checksum: _Checksum = {} if is_compared else {"ChecksumMode": "ENABLED"}
                response = self._client.get_object(Bucket=self.bucket, Key=raw.key, **checksum)
                if response["ContentLength"] > max_bytes:
                    raise TooManyBytes(
                        f"The image file has {response['ContentLength']:,} bytes; {max_bytes:,} are allowed."
                    )
                data = response["Body"].read()
        except ServiceError as error:
            if isinstance(error.__cause__, ClientError) and error_code(error.__cause__) == "NoSuchKey":
                raise RawImageMissing from error
            raise
        if raw.digest is not None and hashlib.sha256(data).hexdigest() != raw.digest:
            raise RawImageMissing("The stored bytes differ from the uploaded ones.")
        return data

    def get_size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if it does not exist.

        Uses a listing, which needs no permission to read the object.
        """
        return next((entry["Size"] for entry in self._list(key, limit=1) if entry["Key"] == key), None)

    def delete_raw(self, key: str) -> None:
        """Delete a raw image that no job refers to."""
        self._delete([key])

    def list_objects(self, job: Job) -> list[StoredObject]:
        """Return the objects of a job: its raw image, copies of its upload and the processed images of all attempts."""
        size = job.raw.size if job.raw.size is not None else self.get_size(job.raw.key)
        raw = [] if size is None else [StoredObject(job.raw.key, size)]
        return [*raw, *self._list_copies(job), *self._list_stored(object_keys.processed_prefix(job.id))]

    def delete_job(self, job: Job) -> bool:
        """Delete the raw image, its copies and the processed images of all attempts. Links to them stop working.

        Aborts a multipart upload first. Return True if the bucket has versioning, because S3 then keeps older versions
        of the objects.
        """
        self.abort_upload(job)
        others = (*self._list_copies(job), *self._list_stored(object_keys.processed_prefix(job.id)))
        return self._delete([job.raw.key, *(each.key for each in others)])

    def abort_upload(self, job: Job) -> None:
        """Abort the multipart upload of a job, if there is one. S3 then deletes its parts."""
        if job.is_multipart:
            self.multipart.abort_all(object_keys.direct_key(job.id, bulk=job.batch_id is not None))

    def delete_attempt(self, job: Job) -> None:
        """Delete the objects of a superseded attempt: its processed images and its copy of the upload."""
        pinned = [job.raw.key] if job.raw.key == object_keys.pinned_key(job.id, job.attempt) else []
        self._delete([*pinned, *(facts.key for facts in job.outputs)])

    def delete_other_outputs(self, job: Job) -> None:
        """Delete the processed images to which the record of a job that has ended does not refer.

        Later attempts can exist if the job was retried in the meantime. Their images are kept.
        """
        named = {output.key for output in job.outputs}
        keys = (each.key for each in self._list_stored(object_keys.processed_prefix(job.id)))
        self._delete(
            [key for key in keys if key not in named and object_keys.attempt_of_key(key) in range(job.attempt + 1)]
        )

    def _list_copies(self, job: Job) -> list[StoredObject]:
        """Return the objects of a direct upload to which the job record does not refer.

        These are the object that the form wrote, and copies of attempts that were killed.
        """
        if job.declaration is None:
            return []
        upload = object_keys.direct_key(job.id, bulk=job.batch_id is not None)
        size = self.get_size(upload) if job.raw.key != upload else None
        copies = self._list_stored(object_keys.pinned_prefix(job.id))
        return [
            *([] if size is None else [StoredObject(upload, size)]),
            *(copy for copy in copies if copy.key != job.raw.key),
        ]

    def _list_stored(self, prefix: str) -> Iterator[StoredObject]:
        for entry in self._list(prefix):
            yield StoredObject(entry["Key"], entry["Size"])

    def _list(self, prefix: str, *, after: str = "", limit: int | None = None) -> "Iterator[ObjectTypeDef]":
        """Yield up to ``limit`` objects of all pages. A page can be short, or even empty, although more follow."""
        config: Any = {} if limit is None else {"PaginationConfig": {"MaxItems": limit, "PageSize": min(limit, 1000)}}
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after, **config
            )
        )
        while True:
            with translate_aws_errors():
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", ())

    def _delete(self, targets: list[str]) -> bool:
        has_versions = False
        for start in range(0, len(targets), MAX_DELETED):
            objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in targets[start : start + MAX_DELETED]]
            with translate_aws_errors():
                response = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
            # S3 lists objects that it could not delete here, with status 200. A retry may succeed.
            if response.get("Errors"):
                raise ServiceUnavailable
            has_versions |= any(each.get("DeleteMarker") for each in response.get("Deleted", ()))
        return has_versions

    def link(
        self, facts: ProcessedImage, *, filename: str, lifetime: timedelta, now: datetime, is_head: bool = False
    ) -> Link:
        """Sign a link that downloads a processed image as ``filename``.

        S3 accepts a link only for the method that it is signed for: GET, or HEAD if ``is_head`` is true.
        """
        return self._link(facts.key, facts.media_type, filename, _Signing(lifetime, now, is_head))

    def raw_link(
        self, raw: RawImage, *, filename: str, lifetime: timedelta, now: datetime, is_head: bool = False
    ) -> Link:
        """Sign a link that downloads a raw image, whose format must be known. ``is_head`` is as in :meth:`link`."""
        media_type = BY_NAME[raw.format or ""].media_type
        return self._link(raw.key, media_type, filename, _Signing(lifetime, now, is_head))

    def asset_link(  # noqa: PLR0913 - the asset and the link
        self, owner: str, asset: Asset, *, filename: str, lifetime: timedelta, now: datetime, is_head: bool = False
    ) -> Link:
        """Sign a link that downloads the current content of an asset. ``is_head`` is as in :meth:`link`."""
        key = object_keys.asset_key(owner, asset.name, asset.digest)
        return self._link(key, BY_NAME[asset.format].media_type, filename, _Signing(lifetime, now, is_head))

    def _link(self, key: str, media_type: str, filename: str, signing: "_Signing") -> Link:
        url = get_url_signer(self._presigner, self.bucket).sign(
            "HEAD" if signing.is_head else "GET",
            key,
            query=[
                ("response-content-type", media_type),
                ("response-content-disposition", content_disposition(filename)),
            ],
            seconds=int(signing.lifetime.total_seconds()),
            now=utc_now(),
        )
        return Link(url=url, expires_at=signing.now + signing.lifetime)

    def form(self, job: Job, *, max_bytes: int, lifetime: timedelta, now: datetime) -> UploadForm:
        """Sign the form for a job's upload. The job must have a declaration."""
        assert job.declaration is not None  # noqa: S101 - every job that awaits an upload has one
        return sign_form(
            self._presigner, self.bucket, job.raw.key, job.declaration, max_bytes=max_bytes, lifetime=lifetime, now=now
        )

    def sign_put(self, job: Job, *, lifetime: timedelta) -> SignedRequest:
        """Sign the single request for a job's upload. The job must have a declaration with a size."""
        assert job.declaration is not None  # noqa: S101 - every job that awaits an upload has one
        return sign_put(self._presigner, self.bucket, job.raw.key, job.declaration, lifetime=lifetime)

    def _put(self, key: str, data: bytes, media_type: str, digest: str) -> None:
        with translate_aws_errors():
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
            )
