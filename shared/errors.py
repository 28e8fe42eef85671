"""The error tree: every fault that Safelight names, each with a stable code.

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
    │   ├── RouteNotFound · MethodNotAllowed
    │   └── Unauthenticated · Forbidden · TooManyRequests   (the gateway answers these)
    ├── JobStateError           the job is not in the state that was asked for
    │   ├── JobNotFound · OutputNotFound · ReceiptNotFound · ResultNotReady · JobHasFailed · ResultExpired
    │   ├── JobFinished · JobNotRetriable · RedrivenTooOften
    │   ├── UploadIncomplete · NotAwaitingUpload · BatchNotFound · BatchClosed · NotABackfill
    │   └── JobCancelled · UploadExpired   (what the job itself states)
    ├── ImageError              the image can't be processed, now or later
    │   ├── TypeMismatch · DigestMismatch
    │   ├── SourceMissing · SourceForbidden · SourceArchived · SourceChanged
    │   ├── NotAnImage · TruncatedImage · CorruptImage · RawImageMissing · WatermarkNotFound
    │   ├── TooManyBytes · TooManyPixels · SideTooLong · TooManyFrames · TooManyTotalPixels
    │   ├── OutsideImage · AssetUnusable · ByteCeilingUnreachable · EncodingFailed · PipelineUnreadable
    │   └── ResourceLimit · TimedOut
    ├── DeliveryError           what the worker says of one SQS record
    │   ├── BadMessage · LeaseHeld · TimeTooShort · AttemptsExhausted
    │   └── DeliveryLater · AddressNotAllowed · HostNotFound   (of webhooks)
    └── ServiceError            a service, AWS's or the machine's, did not do what it was asked
        └── ServiceUnavailable · ServiceThrottled · ServiceRefused · SandboxUnavailable

A class states what the edges need: ``code`` (never changes once released), ``status`` (HTTP),
``title`` (a public sentence) and ``retriable`` (the same request may succeed later). An instance adds
``detail``, a public sentence about this case. The technical reason is the chained ``__cause__``;
it is logged and never leaves. ``docs/errors.md`` documents each code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: a JSON pointer (RFC 6901) or parameter name, and what is wrong with it."""

    pointer: str
    detail: str


class SafelightError(Exception):
    """Root of the tree; raised itself only where nothing more is known."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side."
    retriable: ClassVar[bool] = True

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        """Keep the public facts of this case.

        ``detail`` falls back to the class's title; ``retry_after_seconds`` says when to ask again.
        """
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds


class RequestError(SafelightError):
    """The request itself is wrong; sending it again unchanged will not help."""

    code = "INVALID_REQUEST"
    status = 422
    title = "The request is not valid."
    retriable = False


class EmptyBody(RequestError):
    """No bytes came with the request."""

    code = "BODY_EMPTY"
    status = 400
    title = "The request has no body."


class BodyTooLarge(RequestError):
    """The body is over what an API Lambda can receive."""

    code = "BODY_TOO_LARGE"
    status = 413
    title = "The body is too large for this endpoint."


class BadBase64(RequestError):
    """Text that should be base64 is not."""

    code = "BAD_BASE64"
    status = 400
    title = "The text is not valid base64."


class BadMultipart(RequestError):
    """A multipart form that can't be parsed or has not exactly one file."""

    code = "BAD_MULTIPART"
    status = 400
    title = "The multipart form can't be read."


class BadJson(RequestError):
    """JSON that can't be parsed."""

    code = "BAD_JSON"
    status = 400
    title = "The JSON can't be read."


class BadCursor(RequestError):
    """A listing cursor that this API did not issue."""

    code = "BAD_CURSOR"
    status = 400
    title = "The cursor is not one that this API has issued."


class KeyInvalid(RequestError):
    """An Idempotency-Key that is none."""

    code = "KEY_INVALID"
    status = 400
    title = "The Idempotency-Key is empty, too long or not printable."


class KeyReused(RequestError):
    """An Idempotency-Key that came with another request before."""

    code = "KEY_REUSED"
    title = "This Idempotency-Key belongs to another request."


class KeyInUse(RequestError):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "KEY_IN_USE"
    status = 409
    title = "The first request with this Idempotency-Key is still running."
    retriable = True


class UnsupportedMediaType(RequestError):
    """The Content-Type is none that this endpoint reads."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    title = "This endpoint can't read that Content-Type."


class UnsupportedImageType(RequestError):
    """The content is no image of an accepted type."""

    code = "UNSUPPORTED_TYPE"
    status = 415
    title = "The content is not an image of a supported type."


class InvalidRequest(RequestError):
    """Parameters, headers or fields that break their rules."""


class InvalidPipeline(RequestError):
    """A pipeline that breaks its rules."""

    code = "INVALID_PIPELINE"
    title = "The pipeline is not valid."


class ImportOff(RequestError):
    """An object in S3 is named as source, and no bucket is open for that."""

    code = "IMPORT_OFF"
    title = "This API copies nothing from other buckets."


class PresetNotFound(RequestError):
    """No preset of that name or version among the built-in ones and the caller's."""

    code = "PRESET_NOT_FOUND"
    status = 404
    title = "There is no such preset."


class UnknownPreset(PresetNotFound):
    """The same, where a job or a plan names the preset: the path exists, the request is wrong."""

    status = 422


class PresetChanged(RequestError):
    """The preset's version is not the one that the caller's precondition names."""

    code = "PRESET_CHANGED"
    status = 412
    title = "The preset is not in the version that the request demands."


class PresetBuiltIn(RequestError):
    """A built-in preset can be neither changed nor deleted."""

    code = "PRESET_BUILT_IN"
    status = 409
    title = "A preset of that name is built in."


class AssetNotFound(RequestError):
    """No asset of that name among the caller's."""

    code = "ASSET_NOT_FOUND"
    status = 404
    title = "There is no such asset."


class WebhookNotFound(RequestError):
    """No webhook of that name among the caller's."""

    code = "WEBHOOK_NOT_FOUND"
    status = 404
    title = "There is no such webhook."


class UnknownWebhook(WebhookNotFound):
    """The same, where a job or a batch names the webhook: the path exists, the request is wrong."""

    status = 422


class DeliveryNotFound(RequestError):
    """No such delivery in the webhook's log: never made, or older than the log."""

    code = "DELIVERY_NOT_FOUND"
    status = 404
    title = "There is no such delivery."


class NotificationsOff(RequestError):
    """This deployment tells nobody of the ends of jobs."""

    code = "NOTIFICATIONS_OFF"
    status = 409
    title = "Notifications are off here."


class RouteNotFound(RequestError):
    """No such path."""

    code = "ROUTE_NOT_FOUND"
    status = 404
    title = "There is nothing at this path."


class MethodNotAllowed(RequestError):
    """The path exists, with other methods."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    title = "This path does not answer to that method."


class Unauthenticated(RequestError):
    """No credentials, or such as the gateway does not accept."""

    code = "UNAUTHENTICATED"
    status = 401
    title = "The request carries no valid credentials."


class Forbidden(RequestError):
    """Credentials that do not cover the request."""

    code = "FORBIDDEN"
    status = 403
    title = "The caller may not do this."


class TooManyRequests(RequestError):
    """Over the caller's rate or quota."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    title = "Too many requests at this moment."
    retriable = True


class JobStateError(SafelightError):
    """The job is not in the state that was asked for."""

    code = "JOB_STATE"
    status = 409
    title = "The job is in another state."
    retriable = False


class JobNotFound(JobStateError):
    """Unknown, deleted, or another caller's."""

    code = "JOB_NOT_FOUND"
    status = 404
    title = "There is no such job."


class OutputNotFound(JobStateError):
    """The job has no output of that name."""

    code = "OUTPUT_NOT_FOUND"
    status = 404
    title = "The job has no output of that name."


class ReceiptNotFound(JobStateError):
    """Completed by a version that wrote none, or with one that was too long to keep."""

    code = "RECEIPT_NOT_FOUND"
    status = 404
    title = "The job has no receipt."


class ResultNotReady(JobStateError):
    """The job has not ended yet."""

    code = "RESULT_NOT_READY"
    title = "The job is not done yet."
    retriable = True


class JobHasFailed(JobStateError):
    """The job ended without a result."""

    code = "JOB_FAILED"
    title = "The job ended without a result."


class ResultExpired(JobStateError):
    """The processed image is past its retention."""

    code = "RESULT_EXPIRED"
    status = 410
    title = "The result is past its retention time."


class UploadExpired(JobStateError):
    """The bytes of an announced upload never came."""

    code = "UPLOAD_EXPIRED"
    status = 410
    title = "The upload did not come in time."


class UploadIncomplete(JobStateError):
    """The bytes of an announced upload are not there yet."""

    code = "UPLOAD_INCOMPLETE"
    title = "The upload is not in the bucket yet."
    retriable = True


class NotAwaitingUpload(JobStateError):
    """A form is asked for, for a job that needs none."""

    code = "NOT_AWAITING_UPLOAD"
    title = "The job does not wait for an upload."


class BatchNotFound(JobStateError):
    """Unknown, past its retention, or another caller's."""

    code = "BATCH_NOT_FOUND"
    status = 404
    title = "There is no such batch."


class BatchClosed(JobStateError):
    """The batch takes no more members."""

    code = "BATCH_CLOSED"
    title = "The batch is closed."


class NotABackfill(JobStateError):
    """A batch whose members are sent, not found."""

    code = "NOT_A_BACKFILL"
    title = "The batch was not made from stored pictures."


class JobFinished(JobStateError):
    """Too late to cancel."""

    code = "JOB_FINISHED"
    title = "The job has ended already."


class JobNotRetriable(JobStateError):
    """Neither failed nor cancelled."""

    code = "JOB_NOT_RETRIABLE"
    title = "Only a failed or cancelled job can be retried."


class RedrivenTooOften(JobStateError):
    """A repeat offender: each redrive so far has ended among the dead letters again."""

    code = "REDRIVEN_TOO_OFTEN"
    title = "The job was redriven several times and failed each time."


class JobCancelled(JobStateError):
    """What a cancelled job states as its error."""

    code = "JOB_CANCELLED"
    title = "The job was cancelled."


class ImageError(SafelightError):
    """The image can't be processed, now or later: the job fails at once."""

    code = "IMAGE_ERROR"
    status = 422
    title = "The picture can't be processed."
    retriable = False


class TypeMismatch(ImageError):
    """An image of another type than was declared for the upload."""

    code = "TYPE_MISMATCH"
    title = "The content is not of the declared type."


class DigestMismatch(ImageError):
    """Other bytes than were announced for the upload."""

    code = "DIGEST_MISMATCH"
    title = "The content does not have the declared digest."


class SourceMissing(ImageError):
    """There is no object where the image is to be copied from."""

    code = "SOURCE_MISSING"
    title = "There is no such object to copy the picture from."


class SourceForbidden(ImageError):
    """The bucket is not open for imports, or S3 does not let Safelight read the object."""

    code = "SOURCE_FORBIDDEN"
    title = "Safelight may not read the object that the picture is to be copied from."


class SourceArchived(ImageError):
    """The object lies in an archive that S3 does not read from at once."""

    code = "SOURCE_ARCHIVED"
    title = "The object that the picture is to be copied from is archived."


class SourceChanged(ImageError):
    """The object is not the one that was there when the job was made."""

    code = "SOURCE_CHANGED"
    title = "The object to copy the picture from has changed since the job was made."


class NotAnImage(ImageError):
    """The bytes are no image of an accepted type, whatever they begin with."""

    code = "NOT_AN_IMAGE"
    title = "The file is not an image that can be read."


class TruncatedImage(ImageError):
    """The data ends before the image does."""

    code = "TRUNCATED_IMAGE"
    title = "The image file ends too early."


class CorruptImage(ImageError):
    """The data is damaged."""

    code = "CORRUPT_IMAGE"
    title = "The image file is damaged."


class RawImageMissing(ImageError):
    """The raw image is gone from the bucket, or its bytes are not those that were uploaded."""

    code = "RAW_IMAGE_MISSING"
    status = 410
    title = "The raw image is no longer stored."


class WatermarkNotFound(ImageError):
    """An asset that the pipeline names is not stored, or no longer in the version that the job has pinned."""

    code = "WATERMARK_NOT_FOUND"
    title = "An image that the pipeline refers to is not stored."


class TooManyBytes(ImageError):
    """The raw image is over the size limit."""

    code = "TOO_MANY_BYTES"
    status = 413
    title = "The image file is too large."


class TooManyPixels(ImageError):
    """Width times height is over the limit."""

    code = "TOO_MANY_PIXELS"
    title = "The image has too many pixels."


class SideTooLong(ImageError):
    """Width or height is over the limit."""

    code = "SIDE_TOO_LONG"
    title = "A side of the image is too long."


class PipelineUnreadable(ImageError):
    """The record's pipeline is of another version than the worker."""

    code = "PIPELINE_UNREADABLE"
    title = "The stored pipeline can't be read by this version."


class TooManyFrames(ImageError):
    """An animation with more frames than the limit."""

    code = "TOO_MANY_FRAMES"
    title = "The animation has too many frames."


class TooManyTotalPixels(ImageError):
    """Frames times width times height is over the limit."""

    code = "TOO_MANY_TOTAL_PIXELS"
    title = "The frames of the animation have too many pixels altogether."


class OutsideImage(ImageError):
    """A crop that misses the image."""

    code = "OUTSIDE_IMAGE"
    title = "The crop lies outside of the picture."


class AssetUnusable(ImageError):
    """A stored image that the pipeline names is missing, or is none."""

    code = "ASSET_UNUSABLE"
    title = "A stored picture that the pipeline names can't be used."


class ByteCeilingUnreachable(ImageError):
    """Even the lowest quality is over the ``max_bytes`` of an output."""

    code = "BYTE_CEILING_UNREACHABLE"
    title = "The result can't be made that small."


class EncodingFailed(ImageError):
    """An encoder refused what it was given, although it is within every limit of ours."""

    code = "ENCODING_FAILED"
    title = "The result can't be written in that format."


class ResourceLimit(ImageError):
    """Processing it takes more memory than is allowed, or killed the process that did it."""

    code = "RESOURCE_LIMIT"
    title = "Processing the picture takes more than is allowed."


class TimedOut(ImageError):
    """Processing it takes longer than is allowed."""

    code = "TIMED_OUT"
    title = "Processing the picture takes too long."


class DeliveryError(SafelightError):
    """What the worker says of one SQS record: it goes back to the queue."""

    code = "DELIVERY"
    title = "The job will be tried again."


class BadMessage(DeliveryError):
    """A message that is none of ours; the redrive policy moves it to the dead letters."""

    code = "BAD_MESSAGE"
    title = "The message can't be read."
    retriable = False


class LeaseHeld(DeliveryError):
    """Another worker holds the lease of this job."""

    code = "LEASE_HELD"
    title = "Another attempt is still running."


class TimeTooShort(DeliveryError):
    """Too little of the invocation is left to finish the record."""

    code = "TIME_TOO_SHORT"
    title = "Too little time was left in this invocation."


class AttemptsExhausted(DeliveryError):
    """Every attempt died or was turned back; the job fails and may be retried by its owner."""

    code = "ATTEMPTS_EXHAUSTED"
    title = "All attempts at this job failed."


class DeliveryLater(DeliveryError):
    """A webhook's receiver did not take an event yet, or it is not time for the next try."""

    code = "DELIVERY_LATER"
    title = "The event will be sent again."


class AddressNotAllowed(DeliveryError):
    """A webhook's host leads to an address that is not of the public internet."""

    code = "ADDRESS_NOT_ALLOWED"
    title = "The host leads to an internal address."


class HostNotFound(DeliveryError):
    """A webhook's host has no address."""

    code = "HOST_NOT_FOUND"
    title = "The host was not found."


class ServiceError(SafelightError):
    """An AWS service did not do what it was asked."""

    code = "SERVICE_ERROR"
    status = 503
    title = "A service that Safelight needs did not answer."


class ServiceUnavailable(ServiceError):
    """Unreachable, timed out, or a 5xx: it may work in a moment."""

    code = "SERVICE_UNAVAILABLE"


class ServiceThrottled(ServiceError):
    """The service asked for fewer requests."""

    code = "SERVICE_THROTTLED"
    title = "Too many requests at this moment."


class ServiceRefused(ServiceError):
    """A missing permission or resource, or a malformed call: somebody must mend the set-up."""

    code = "SERVICE_REFUSED"
    status = 500
    title = "Safelight is not set up correctly."
    retriable = False


class SandboxUnavailable(ServiceError):
    """The process that renders images can't be started; no image is to blame."""

    code = "SANDBOX_UNAVAILABLE"
    title = "The process that renders pictures could not be started."


def error_classes(root: type[SafelightError] = SafelightError) -> Iterator[type[SafelightError]]:
    """Yield the whole tree below ``root``, parents first: what ``docs/errors.md`` must list."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)
