"""The API's responses as typed, immutable values."""

from safelight.models.batches import AddedMembers, Batch, BatchCancellation, BatchPage, BatchRetry, MemberPage
from safelight.models.catalog import Asset, AssetPage, Preset, PresetPage
from safelight.models.jobs import (
    Camera,
    Deletion,
    Exposure,
    Facts,
    GpsPosition,
    Job,
    JobPage,
    Link,
    Output,
    ReceiptResponse,
)
from safelight.models.operations import (
    DeadLetter,
    DeadLetterPage,
    Health,
    RedriveRefusal,
    RedriveResult,
    WebhookSecret,
)
from safelight.models.plans import Plan
from safelight.models.tokens import NewUploadToken, UploadToken, UploadTokenPage
from safelight.models.uploads import (
    MultipartUpload,
    NewUpload,
    SignedPart,
    SignedParts,
    SignedPut,
    StoredPart,
    StoredParts,
    UploadForm,
    UploadFormResponse,
)
from safelight.models.watches import Watch, WatchCounts, WatchedPrefix, WatchList

__all__ = [
    "AddedMembers",
    "Asset",
    "AssetPage",
    "Batch",
    "BatchCancellation",
    "BatchPage",
    "BatchRetry",
    "Camera",
    "DeadLetter",
    "DeadLetterPage",
    "Deletion",
    "Exposure",
    "Facts",
    "GpsPosition",
    "Health",
    "Job",
    "JobPage",
    "Link",
    "MemberPage",
    "MultipartUpload",
    "NewUpload",
    "NewUploadToken",
    "Output",
    "Plan",
    "Preset",
    "PresetPage",
    "ReceiptResponse",
    "RedriveRefusal",
    "RedriveResult",
    "SignedPart",
    "SignedParts",
    "SignedPut",
    "StoredPart",
    "StoredParts",
    "UploadForm",
    "UploadFormResponse",
    "UploadToken",
    "UploadTokenPage",
    "Watch",
    "WatchCounts",
    "WatchList",
    "WatchedPrefix",
    "WebhookSecret",
]
