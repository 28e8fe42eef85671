"""The error tree. Each error has a stable code.

::

    SafelightError
    ├── RequestError            the request itself is wrong
    │   ├── EmptyBody · BodyTooLarge · BadBase64 · BadMultipart · BadJson
    │   ├── UnsupportedMediaType · UnsupportedImageType
    │   ├── InvalidRequest · InvalidPipeline · BadCursor
    │   ├── KeyInvalid · KeyReused · KeyInUse
    │   ├── ImportOff
    │   ├── PresetNotFound · UnknownPreset · PresetChanged · PresetBuiltIn · AssetNotFound
    │   ├── WebhookNotFound · UnknownWebhook · DeliveryNotFound · NotificationsOff
    │   ├── WatchNotFound · WatchOverlap · WatchOff · TooManyWatches
    │   ├── PartNotAllowed · RouteNotFound · MethodNotAllowed
    │   ├── Unauthenticated · Forbidden · TooManyRequests   (sent by the gateway)
    │   ├── TokenInvalid · TokenExpired · TokenRevoked · TokenForbidden · TokenOrigin · TokenUsedUp · TokenNotFound
    │   └── QuotaExceeded       the owner has used up a limit
    │       └── TooManyOpenJobs · DailyBytesExceeded
    ├── JobStateError           the job or batch is not in the state that the request needs
    │   ├── JobNotFound · OutputNotFound · ReceiptNotFound · ResultNotReady · JobHasFailed · ResultExpired
    │   ├── JobFinished · JobNotRetriable · RedrivenTooOften
    │   ├── UploadIncomplete · NotAwaitingUpload · BatchNotFound · BatchClosed · BatchPaused
    │   ├── NotABackfill · NothingToPause · WatchPaused
    │   ├── MultipartNotFound · NotMultipart · PartsMissing · PartSizeMismatch · PartETagMismatch
    │   └── JobCancelled · UploadExpired   (the error of a cancelled or expired job)
    ├── ImageError              the image can never be processed with this pipeline
    │   ├── TypeMismatch · DigestMismatch · SizeMismatch
    │   ├── SourceMissing · SourceForbidden · SourceArchived · SourceChanged · SourceInvalid
    │   ├── NotAnImage · TruncatedImage · CorruptImage · UnsupportedFlavor · RawImageMissing · WatermarkNotFound
    │   ├── TooManyBytes · TooManyPixels · SideTooLong · TooManyFrames · TooManyTotalPixels
    │   ├── OutsideImage · AssetUnusable · ByteCeilingUnreachable · EncodingFailed · PipelineUnreadable
    │   └── ResourceLimit · TimedOut
    ├── DeliveryError           an SQS message is not processed and returns to the queue
    │   ├── BadMessage · LeaseHeld · TimeTooShort · RenderInterrupted · SourceUnreachable
    │   ├── AttemptsExhausted
    │   └── DeliveryLater · AddressNotAllowed · HostNotFound   (of webhooks)
    └── ServiceError            AWS, or a resource of the machine, failed
        └── ServiceUnavailable · ServiceThrottled · ServiceRefused · SandboxUnavailable

Each class has a ``code``, which never changes after its release, an HTTP ``status``, a public ``title``, and
``retriable``: True if the same request may succeed later. An instance adds ``detail``, a public sentence about this
case. Its ``__cause__`` is the technical reason, which is logged but never sent. ``docs/errors.md`` documents each code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: a JSON pointer (RFC 6901) or parameter name, and what is wrong with it."""

    pointer: str
    detail: str


#: A detail names at most this many fields.
_MAX_FIELDS: Final = 3


def _describe_fields(errors: tuple[FieldError, ...]) -> str:
    """Return a sentence for each of the first invalid fields."""
    shown = [": ".join(filter(None, (each.pointer.lstrip("/"), each.detail))) for each in errors[:_MAX_FIELDS]]
    rest = len(errors) - len(shown)
    sentences = [each if each.endswith((".", "?")) else f"{each}." for each in shown]
    return " ".join(sentences + [f"{rest} more in errors."] * bool(rest))


class SafelightError(Exception):
    """Base class of all errors. Only unexpected errors are direct instances of this class."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "An internal error occurred."
    retriable: ClassVar[bool] = True

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        """Store what the caller may see.

        ``detail`` defaults to the invalid fields in ``errors``, or else to the title of the class.
        ``retry_after_seconds`` is how long the caller should wait before it tries again.
        """
        self.detail = detail or _describe_fields(errors) or self.title
        super().__init__(self.detail)
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds


class RequestError(SafelightError):
    """The request itself is wrong. It would fail again if it were repeated unchanged."""

    code = "INVALID_REQUEST"
    status = 422
    title = "The request is not valid."
    retriable = False


class EmptyBody(RequestError):
    """The request has no body, or the image in it is empty."""

    code = "BODY_EMPTY"
    status = 400
    title = "The request has no body."


class BodyTooLarge(RequestError):
    """The body is larger than a Lambda function can receive."""

    code = "BODY_TOO_LARGE"
    status = 413
    title = "The body is too large for this endpoint."


class BadBase64(RequestError):
    """A text is not valid base64."""

    code = "BAD_BASE64"
    status = 400
    title = "The text is not valid base64."


class BadMultipart(RequestError):
    """A multipart form is malformed or does not have exactly one file."""

    code = "BAD_MULTIPART"
    status = 400
    title = "The multipart form can't be parsed."


class BadJson(RequestError):
    """JSON is malformed."""

    code = "BAD_JSON"
    status = 400
    title = "The JSON can't be parsed."


class BadCursor(RequestError):
    """The cursor of a listing was not issued by this API."""

    code = "BAD_CURSOR"
    status = 400
    title = "The cursor was not issued by this API."


class KeyInvalid(RequestError):
    """The Idempotency-Key is malformed."""

    code = "KEY_INVALID"
    status = 400
    title = "The Idempotency-Key is empty, too long or not printable."


class KeyReused(RequestError):
    """The Idempotency-Key was already used for a different request."""

    code = "KEY_REUSED"
    title = "This Idempotency-Key belongs to another request."


class KeyInUse(RequestError):
    """The first request with this Idempotency-Key is still running."""

    code = "KEY_IN_USE"
    status = 409
    title = "The first request with this Idempotency-Key is still running."
    retriable = True


class UnsupportedMediaType(RequestError):
    """The endpoint does not support the Content-Type."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    title = "The endpoint does not support this Content-Type."


class UnsupportedImageType(RequestError):
    """The content is not an image of an accepted format."""

    code = "UNSUPPORTED_TYPE"
    status = 415
    title = "The content is not an image of a supported type."


class InvalidRequest(RequestError):
    """Parameters, headers or fields are invalid."""


class InvalidPipeline(RequestError):
    """A pipeline is invalid."""

    code = "INVALID_PIPELINE"
    title = "The pipeline is not valid."


class ImportOff(RequestError):
    """The request names a source, but the settings allow imports from no bucket, or from no host."""

    code = "IMPORT_OFF"
    title = "Imports from this kind of source are turned off."


class WatchOff(RequestError):
    """The settings allow watches of no bucket."""

    code = "WATCH_OFF"
    title = "Watches are turned off."


class WatchNotFound(RequestError):
    """The caller has no watch with this ID."""

    code = "WATCH_NOT_FOUND"
    status = 404
    title = "The watch does not exist."


class WatchOverlap(RequestError):
    """Another watch of the caller has an overlapping prefix in the same bucket."""

    code = "WATCH_OVERLAP"
    status = 409
    title = "Another watch has an overlapping prefix."


class TooManyWatches(RequestError):
    """The bucket has as many watches as it can have."""

    code = "TOO_MANY_WATCHES"
    status = 409
    title = "The bucket has too many watches."


class PresetNotFound(RequestError):
    """No built-in preset and no preset of the caller has this name and version."""

    code = "PRESET_NOT_FOUND"
    status = 404
    title = "The preset does not exist."


class UnknownPreset(PresetNotFound):
    """A request for a job or plan names a preset that does not exist. The status is 422, because the path exists."""

    status = 422


class PresetChanged(RequestError):
    """The newest version of the preset is not the one that the caller's precondition requires."""

    code = "PRESET_CHANGED"
    status = 412
    title = "The preset's current version does not match the precondition."


class PresetBuiltIn(RequestError):
    """A built-in preset can't be changed or deleted."""

    code = "PRESET_BUILT_IN"
    status = 409
    title = "Built-in presets can't be changed."


class AssetNotFound(RequestError):
    """The caller has no asset with this name."""

    code = "ASSET_NOT_FOUND"
    status = 404
    title = "The asset does not exist."


class WebhookNotFound(RequestError):
    """The caller has no webhook with this name."""

    code = "WEBHOOK_NOT_FOUND"
    status = 404
    title = "The webhook does not exist."


class UnknownWebhook(WebhookNotFound):
    """A request for a job or batch names a webhook that does not exist. The status is 422, because the path exists."""

    status = 422


class DeliveryNotFound(RequestError):
    """The log of the webhook does not contain this delivery, which never existed or has expired."""

    code = "DELIVERY_NOT_FOUND"
    status = 404
    title = "The delivery does not exist."


class NotificationsOff(RequestError):
    """This deployment sends no notifications."""

    code = "NOTIFICATIONS_OFF"
    status = 409
    title = "Notifications are turned off."


class PartNotAllowed(RequestError):
    """The number of a part is too high: the declared file has fewer parts."""

    code = "PART_NOT_ALLOWED"
    status = 422
    title = "The file has no part with this number."


class RouteNotFound(RequestError):
    """The path does not exist."""

    code = "ROUTE_NOT_FOUND"
    status = 404
    title = "The path does not exist."


class MethodNotAllowed(RequestError):
    """The path exists, but does not support this method."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    title = "The path does not support this method."


class Unauthenticated(RequestError):
    """The gateway rejected the credentials of the request."""

    code = "UNAUTHENTICATED"
    status = 401
    title = "The request has no valid credentials."


class Forbidden(RequestError):
    """The credentials do not allow the request."""

    code = "FORBIDDEN"
    status = 403
    title = "The caller is not allowed to do this."


class TokenInvalid(RequestError):
    """The request has no upload token, or one that does not exist. Wrong secrets are not distinguished."""

    code = "TOKEN_INVALID"
    status = 401
    title = "The request has no valid upload token."


class TokenExpired(RequestError):
    """The upload token has expired."""

    code = "TOKEN_EXPIRED"
    status = 401
    title = "The upload token has expired."


class TokenRevoked(RequestError):
    """The owner has revoked the upload token."""

    code = "TOKEN_REVOKED"
    status = 401
    title = "The upload token was revoked."


class TokenForbidden(RequestError):
    """The route, or an option of the request, is not allowed with an upload token."""

    code = "TOKEN_FORBIDDEN"
    status = 403
    title = "The upload token does not allow this request."


class TokenOrigin(RequestError):
    """The request does not come from the origin of the upload token."""

    code = "TOKEN_ORIGIN"
    status = 403
    title = "The upload token belongs to another origin."


class TokenUsedUp(RequestError):
    """The upload token allows no more files or bytes. It never allows more later."""

    code = "TOKEN_USED_UP"
    status = 429
    title = "The upload token allows no more files or bytes."


class TokenNotFound(RequestError):
    """The caller has no upload token with this ID."""

    code = "TOKEN_NOT_FOUND"
    status = 404
    title = "The upload token does not exist."


class QuotaExceeded(RequestError):
    """The owner has used up a limit. The request may succeed later."""

    code = "QUOTA_EXCEEDED"
    status = 429
    title = "A limit of the caller is used up."
    retriable = True
    #: True if a part of the request is done. A request with the same Idempotency-Key does the rest.
    is_partial = False


class TooManyOpenJobs(QuotaExceeded):
    """The owner has as many open jobs as ``OwnerOpenJobs`` allows."""

    code = "TOO_MANY_OPEN_JOBS"
    title = "The caller has too many open jobs."


class DailyBytesExceeded(QuotaExceeded):
    """The owner has uploaded as many bytes today as ``OwnerDailyBytes`` allows."""

    code = "DAILY_BYTES_EXCEEDED"
    title = "The caller has uploaded too many bytes today."


class TooManyRequests(RequestError):
    """The caller exceeds its rate or quota."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    title = "Too many requests."
    retriable = True


class JobStateError(SafelightError):
    """The job or batch is not in the state that the request needs."""

    code = "JOB_STATE"
    status = 409
    title = "The job is not in the required state."
    retriable = False


class JobNotFound(JobStateError):
    """The job does not exist, was deleted or belongs to another caller."""

    code = "JOB_NOT_FOUND"
    status = 404
    title = "The job does not exist."


class UnknownJob(JobNotFound):
    """A request names a job as its source that the caller does not have."""

    status = 422


class SourceNotReady(JobStateError):
    """The raw image of the job that a request names as its source is not stored yet, or no worker has read it."""

    code = "SOURCE_NOT_READY"
    title = "The raw image of the source job is not ready yet."
    retriable = True


class SourceUnusable(JobStateError):
    """The stored file of the job that a request names as its source is not an image, or not the declared one."""

    code = "SOURCE_UNUSABLE"
    title = "The stored file of the source job can't be processed."


class OutputNotFound(JobStateError):
    """The job has no output with this name."""

    code = "OUTPUT_NOT_FOUND"
    status = 404
    title = "The job has no output with this name."


class ReceiptNotFound(JobStateError):
    """The job was completed by a version without receipts, or its receipt was too long to store."""

    code = "RECEIPT_NOT_FOUND"
    status = 404
    title = "The job has no receipt."


class ResultNotReady(JobStateError):
    """The job has not ended yet."""

    code = "RESULT_NOT_READY"
    title = "The job has not ended yet."
    retriable = True


class JobHasFailed(JobStateError):
    """The job ended without a result."""

    code = "JOB_FAILED"
    title = "The job has no result."


class ResultExpired(JobStateError):
    """The retention of the processed image has ended."""

    code = "RESULT_EXPIRED"
    status = 410
    title = "The result has expired."


class UploadExpired(JobStateError):
    """The bytes of a direct upload did not arrive in time."""

    code = "UPLOAD_EXPIRED"
    status = 410
    title = "The upload did not arrive in time."


class UploadIncomplete(JobStateError):
    """The bytes of a direct upload have not arrived yet."""

    code = "UPLOAD_INCOMPLETE"
    title = "The upload has not arrived yet."
    retriable = True


class NotAwaitingUpload(JobStateError):
    """An upload form was requested for a job that does not await an upload."""

    code = "NOT_AWAITING_UPLOAD"
    title = "The job does not await an upload."


class MultipartNotFound(JobStateError):
    """The multipart upload does not exist: it was aborted or has expired, or the ID belongs to another job."""

    code = "MULTIPART_NOT_FOUND"
    status = 404
    title = "The multipart upload does not exist."


class NotMultipart(JobStateError):
    """The job was created with another method than ``multipart``, so its upload has no parts."""

    code = "NOT_MULTIPART"
    title = "The upload of the job has no parts."


class PartsMissing(JobStateError):
    """An upload was completed before S3 had all its parts."""

    code = "PARTS_MISSING"
    title = "Parts of the upload are missing."


class PartSizeMismatch(JobStateError):
    """A part is smaller or larger than the declared size and part size require."""

    code = "PART_SIZE_MISMATCH"
    title = "A part does not have the required size."


class PartETagMismatch(JobStateError):
    """The caller completes an upload with another ETag than S3 has for a part."""

    code = "PART_ETAG_MISMATCH"
    title = "S3 has a part with another ETag."


class BatchNotFound(JobStateError):
    """The batch does not exist, has expired or belongs to another caller."""

    code = "BATCH_NOT_FOUND"
    status = 404
    title = "The batch does not exist."


class BatchClosed(JobStateError):
    """The batch accepts no more members."""

    code = "BATCH_CLOSED"
    title = "The batch is closed."


class WatchPaused(JobStateError):
    """The watch is paused or deleted, so it creates no jobs. No response has this error."""

    code = "WATCH_PAUSED"
    title = "The watch is paused."


class BatchPaused(JobStateError):
    """The owner has paused the creation of members."""

    code = "BATCH_PAUSED"
    title = "The batch is paused."


class NotABackfill(JobStateError):
    """The batch was created with neither ``backfill`` nor ``import``."""

    code = "NOT_A_BACKFILL"
    title = "The batch is neither a backfill nor an import."


class NothingToPause(JobStateError):
    """The server creates or retries no members of the batch."""

    code = "NOTHING_TO_PAUSE"
    title = "The server has nothing to do for the batch."


class JobFinished(JobStateError):
    """The job has ended, so it can't be cancelled."""

    code = "JOB_FINISHED"
    title = "The job has already ended."


class JobNotRetriable(JobStateError):
    """The job is neither failed nor cancelled."""

    code = "JOB_NOT_RETRIABLE"
    title = "Only a failed or cancelled job can be retried."


class RedrivenTooOften(JobStateError):
    """The job became a dead letter again after each of several redrives."""

    code = "REDRIVEN_TOO_OFTEN"
    title = "The job was redriven several times and failed every time."


class JobCancelled(JobStateError):
    """The error of a cancelled job."""

    code = "JOB_CANCELLED"
    title = "The job was cancelled."


class ImageError(SafelightError):
    """The image can never be processed with this pipeline. The job fails without another attempt."""

    code = "IMAGE_ERROR"
    status = 422
    title = "The image can't be processed."
    retriable = False


class TypeMismatch(ImageError):
    """The image does not have the format that the upload request declared."""

    code = "TYPE_MISMATCH"
    title = "The content does not have the declared type."


class DigestMismatch(ImageError):
    """The bytes do not have the digest that the upload request declared."""

    code = "DIGEST_MISMATCH"
    title = "The content does not have the declared digest."


class SizeMismatch(ImageError):
    """The file does not have the size that the upload request declared."""

    code = "SIZE_MISMATCH"
    title = "The content does not have the declared size."


class SourceMissing(ImageError):
    """The object or file to import does not exist."""

    code = "SOURCE_MISSING"
    title = "The source does not exist."


class SourceForbidden(ImageError):
    """The settings do not allow imports from the bucket or host, or S3 or the web server denies access."""

    code = "SOURCE_FORBIDDEN"
    title = "Safelight is not allowed to read the source."


class SourceArchived(ImageError):
    """The object to import is in an archive storage class."""

    code = "SOURCE_ARCHIVED"
    title = "The source object is archived."


class SourceChanged(ImageError):
    """The object to import has changed since the job was created."""

    code = "SOURCE_CHANGED"
    title = "The source object has changed since the job was created."


class SourceInvalid(ImageError):
    """The web server of a source does not send a complete file, or redirects too often or to a URL that is refused."""

    code = "SOURCE_INVALID"
    title = "The source URL does not lead to a file that can be imported."


class NotAnImage(ImageError):
    """The file starts like an image of an accepted format, but can't be read as one."""

    code = "NOT_AN_IMAGE"
    title = "The file is not a readable image."


class TruncatedImage(ImageError):
    """The file ends before the image data is complete."""

    code = "TRUNCATED_IMAGE"
    title = "The image file ends too early."


class CorruptImage(ImageError):
    """The image data is damaged."""

    code = "CORRUPT_IMAGE"
    title = "The image file is damaged."


class UnsupportedFlavor(ImageError):
    """The file is a valid image of an accepted format, in a variant that can't be decoded correctly.

    ``detail`` names the variant and what to do.
    """

    code = "UNSUPPORTED_FLAVOR"
    title = "This variant of the image format is not supported."


class RawImageMissing(ImageError):
    """The raw image is not in the image bucket, or its bytes have changed."""

    code = "RAW_IMAGE_MISSING"
    status = 410
    title = "The raw image is no longer stored."


class WatermarkNotFound(ImageError):
    """An asset of the pipeline is not stored, or its content with the pinned digest is not."""

    code = "WATERMARK_NOT_FOUND"
    title = "An asset of the pipeline does not exist."


class TooManyBytes(ImageError):
    """The raw image exceeds the size limit."""

    code = "TOO_MANY_BYTES"
    status = 413
    title = "The image file is too large."


class TooManyPixels(ImageError):
    """Width times height exceeds the limit."""

    code = "TOO_MANY_PIXELS"
    title = "The image has too many pixels."


class SideTooLong(ImageError):
    """Width or height exceeds the limit."""

    code = "SIDE_TOO_LONG"
    title = "A side of the image is too long."


class PipelineUnreadable(ImageError):
    """The stored pipeline was written by another version of the code."""

    code = "PIPELINE_UNREADABLE"
    title = "The stored pipeline can't be read by this version."


class TooManyFrames(ImageError):
    """The animation has more frames than the limit."""

    code = "TOO_MANY_FRAMES"
    title = "The animation has too many frames."


class TooManyTotalPixels(ImageError):
    """Frames times width times height exceeds the limit."""

    code = "TOO_MANY_TOTAL_PIXELS"
    title = "The frames of the animation have too many pixels in total."


class OutsideImage(ImageError):
    """A crop does not overlap the image."""

    code = "OUTSIDE_IMAGE"
    title = "The crop is outside the image."


class AssetUnusable(ImageError):
    """An asset of the pipeline is missing or is not an image."""

    code = "ASSET_UNUSABLE"
    title = "An asset of the pipeline can't be used."


class ByteCeilingUnreachable(ImageError):
    """An output exceeds its ``max_bytes`` even at the lowest quality."""

    code = "BYTE_CEILING_UNREACHABLE"
    title = "The output can't be made small enough."


class EncodingFailed(ImageError):
    """The encoder refused an image, although the image is within all limits."""

    code = "ENCODING_FAILED"
    title = "The output can't be written in this format."


class ResourceLimit(ImageError):
    """Processing needs more memory than allowed, or the sandbox process crashed."""

    code = "RESOURCE_LIMIT"
    title = "Processing the image needs too many resources."


class TimedOut(ImageError):
    """Processing takes longer than allowed."""

    code = "TIMED_OUT"
    title = "Processing the image takes too long."


class DeliveryError(SafelightError):
    """An SQS message is not processed and returns to the queue."""

    code = "DELIVERY"
    title = "The job will be tried again."


class BadMessage(DeliveryError):
    """A message is malformed. After several receives, SQS moves it to the dead-letter queue."""

    code = "BAD_MESSAGE"
    title = "The message can't be read."
    retriable = False


class LeaseHeld(DeliveryError):
    """Another worker holds the job's lease."""

    code = "LEASE_HELD"
    title = "Another attempt is still running."


class TimeTooShort(DeliveryError):
    """The invocation has too little time left to process the SQS message."""

    code = "TIME_TOO_SHORT"
    title = "The invocation had too little time left."


class RenderInterrupted(DeliveryError):
    """The render process ended or stalled, and its own limits do not explain it."""

    code = "RENDER_INTERRUPTED"
    title = "Processing was interrupted."


class SourceUnreachable(DeliveryError):
    """The web server of a source did not respond, or broke off. The job fails if all its attempts end like this."""

    code = "SOURCE_UNREACHABLE"
    title = "The server of the source URL can't be reached."


class AttemptsExhausted(DeliveryError):
    """Every attempt was killed, or no attempt could start. The job fails, and its owner can retry it."""

    code = "ATTEMPTS_EXHAUSTED"
    title = "All attempts at this job failed."


class DeliveryLater(DeliveryError):
    """A webhook's receiver has not accepted an event yet, or the next try is not due."""

    code = "DELIVERY_LATER"
    title = "The event will be sent again."


class AddressNotAllowed(DeliveryError):
    """The host of a webhook has an IP address outside the public internet."""

    code = "ADDRESS_NOT_ALLOWED"
    title = "The host has an internal IP address."


class HostNotFound(DeliveryError):
    """The DNS has no IP address for the host of a webhook."""

    code = "HOST_NOT_FOUND"
    title = "The host was not found."


class ServiceError(SafelightError):
    """An AWS service, or a resource of the machine, failed."""

    code = "SERVICE_ERROR"
    status = 503
    title = "A required service did not respond."


class ServiceUnavailable(ServiceError):
    """A service is unreachable, timed out or returned a 5xx status. A later request may succeed."""

    code = "SERVICE_UNAVAILABLE"


class ServiceThrottled(ServiceError):
    """A service limits the request rate."""

    code = "SERVICE_THROTTLED"
    title = "Too many requests."


class ServiceRefused(ServiceError):
    """A permission or resource is missing, or a call is malformed. The deployment must be corrected."""

    code = "SERVICE_REFUSED"
    status = 500
    title = "Safelight is not set up correctly."
    retriable = False


class SandboxUnavailable(ServiceError):
    """The sandbox process can't be started. The image is not the cause."""

    code = "SANDBOX_UNAVAILABLE"
    title = "The sandbox process could not be started."


def error_classes(root: type[SafelightError] = SafelightError) -> Iterator[type[SafelightError]]:
    """Yield ``root`` and all its subclasses, each class before its subclasses."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)
