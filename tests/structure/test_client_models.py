"""The models of the Python client have every member of the API's responses, which docs/openapi.json lists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.models import batches, catalog, jobs, operations, plans, tokens, uploads, watches
from safelight.models.response import Response

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
MODELS: dict[str, type[Response]] = {
    "AddedMembersView": batches.AddedMembers,
    "AssetPageView": catalog.AssetPage,
    "AssetView": catalog.Asset,
    "BackfillView": batches.Backfill,
    "BatchPageView": batches.BatchPage,
    "BatchView": batches.Batch,
    "Camera": jobs.Camera,
    "CancelledBatchView": batches.BatchCancellation,
    "DeadLetterPageView": operations.DeadLetterPage,
    "DeadLetterView": operations.DeadLetter,
    "DeletionView": jobs.Deletion,
    "DeliveryPageView": operations.DeliveryPage,
    "DeliveryView": operations.Delivery,
    "EstimateView": plans.Estimate,
    "Exposure": jobs.Exposure,
    "FailureView": jobs.JobFailure,
    "FieldErrorView": batches.FieldError,
    "FormView": uploads.UploadFormResponse,
    "GoneObjectView": jobs.DeletedObject,
    "GpsPosition": jobs.GpsPosition,
    "HealthView": operations.Health,
    "ImageFacts": jobs.Facts,
    "JobPage": jobs.JobPage,
    "JobView": jobs.Job,
    "LimitView": plans.PlanLimit,
    "LinkView": jobs.Link,
    "MarkupView": jobs.Markup,
    "MemberJobView": batches.MemberJob,
    "MemberPageView": batches.MemberPage,
    "MemberProblemView": batches.MemberError,
    "MemberResultView": batches.MemberResult,
    "MultipartView": uploads.MultipartUpload,
    "NewTokenView": tokens.NewUploadToken,
    "NewWebhookView": operations.NewWebhook,
    "OutputView": jobs.Output,
    "PartView": uploads.StoredPart,
    "PartsView": uploads.StoredParts,
    "PlanView": plans.Plan,
    "PlanWarningView": plans.PlanWarning,
    "PlannedImageView": plans.PlannedImage,
    "PlannedOutputView": plans.PlannedOutput,
    "PrefixView": batches.PrefixImport,
    "PresetPageView": catalog.PresetPage,
    "PresetRefView": catalog.PresetReference,
    "PresetView": catalog.Preset,
    "PutView": uploads.SignedPut,
    "RawView": jobs.RawImage,
    "ReceiptView": jobs.ReceiptResponse,
    "RedriveView": operations.RedriveResult,
    "RefusalView": operations.RedriveRefusal,
    "ResultView": jobs.Result,
    "RetriedBatchView": batches.BatchRetry,
    "SecretView": operations.WebhookSecret,
    "SignedPartView": uploads.SignedPart,
    "SignedPartsView": uploads.SignedParts,
    "SkippedView": jobs.SkippedOutput,
    "StayingView": jobs.RemainingData,
    "StepView": plans.PlanStep,
    "TokenPageView": tokens.UploadTokenPage,
    "TokenView": tokens.UploadToken,
    "TransitionView": jobs.Transition,
    "UploadJobView": uploads.NewUpload,
    "UploadView": uploads.UploadForm,
    "WalkView": batches.Walk,
    "WatchCountsView": watches.WatchCounts,
    "WatchListView": watches.WatchList,
    "WatchView": watches.Watch,
    "WatchedPrefixView": watches.WatchedPrefix,
    "WebhookPageView": operations.WebhookPage,
    "WebhookView": operations.Webhook,
}
#: Objects that the client returns as dictionaries, with all their members.
AS_DICTIONARIES = frozenset(
    {
        *("BatchLinksView", "CountsView", "LinksView", "SkippedObjectView", "WalkErrorView"),
        *("CapabilitiesView", "InputView", "LimitsView", "OperationView", "OutputFormatView", "OutputsView"),
        *("SandboxView", "UnsupportedFormatView"),
        *("SignedRequestView",),  # for Uppy, not for this client
    }
)
#: Parts of pipelines and receipts, which the client returns as they are.
DOCUMENTS = frozenset({"Pipeline", "Receipt", "FactsRequest"})


def find_references(value: Any) -> Iterator[str]:
    """Yield the names of all schemas that a part of the document refers to."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for each in value.values():
            yield from find_references(each)
    elif isinstance(value, list):
        for each in value:
            yield from find_references(each)


def list_answers() -> set[str]:
    """Return the names of all schemas of successful responses that describe an object, without those of documents."""
    found: set[str] = set()
    left = {
        name
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        for status, answer in operation.get("responses", {}).items()
        if status.startswith("2")
        for name in find_references(answer.get("content", {}))
    }
    while left:
        name = left.pop()
        if name not in DOCUMENTS and "properties" in SCHEMAS.get(name, {}):
            found.add(name)
            left |= set(find_references(SCHEMAS[name])) - found
    return found


def list_missing(name: str, model: type[Response]) -> set[str]:
    """Return the members of a schema that a model does not have."""
    return set(SCHEMAS[name]["properties"]) - {field.alias or key for key, field in model.model_fields.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_every_member(name: str) -> None:
    """So that typed code can read it."""
    assert not list_missing(name, MODELS[name])


def test_every_answer_has_a_model() -> None:
    """Or is a dictionary."""
    assert list_answers() == set(MODELS) | AS_DICTIONARIES
    assert not set(MODELS) & AS_DICTIONARIES


def test_a_missing_member_is_found() -> None:
    """The test above can fail."""
    assert "pipeline" in list_missing("JobView", jobs.Link)
