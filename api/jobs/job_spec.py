"""Resolution of a request's options, which name presets, assets and webhooks, to a job spec."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from api.dependencies import Dependencies
from api.http.invalid_fields import describe_missing
from api.jobs.options import ImportRequest, Options
from api.presets.output_budget import ExpectedImage, OutputBudget
from api.presets.use_cases import get_preset, list_preset_names
from api.webhooks.use_cases import Webhooks
from shared.errors import (
    AssetNotFound,
    FieldError,
    InvalidPipeline,
    NotificationsOff,
    PresetNotFound,
    SafelightError,
    TokenForbidden,
    UnknownPreset,
    UnknownWebhook,
    WatermarkNotFound,
    WebhookNotFound,
)
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import JobReference
from shared.jobs.upload_token import UploadToken
from shared.pipeline.asset import Asset
from shared.pipeline.pipeline import Pipeline, get_asset_name, list_asset_names
from shared.pipeline.preset import Preset, PresetRef
from shared.webhooks.webhook import Webhook

#: Errors of a request's pipeline or preset.
PIPELINE_ERRORS: Final[tuple[type[SafelightError], ...]] = (InvalidPipeline, UnknownPreset, WatermarkNotFound)
#: Errors of a request's job spec.
SPEC_ERRORS: Final = (*PIPELINE_ERRORS, UnknownWebhook, NotificationsOff)
#: How many names of a caller are compared with one that does not exist.
_MAX_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Catalog:
    """Presets, assets and webhooks that a caller can refer to by name."""

    #: Returns the newest version of a built-in preset or a preset of the caller. Raises PresetNotFound.
    find_preset: Callable[[str], Preset]
    #: Returns the record of one of the caller's assets. Raises AssetNotFound.
    find_asset: Callable[[str], Asset]
    #: Returns one of the caller's webhooks. Raises WebhookNotFound or NotificationsOff.
    find_webhook: Callable[[str], Webhook]
    #: Return names that exist, for messages about one that does not.
    list_presets: Callable[[], Iterable[str]] = tuple
    list_assets: Callable[[], Iterable[str]] = tuple
    list_webhooks: Callable[[], Iterable[str]] = tuple
    #: The upload token of the request, which decides what happens to each file; None without a token.
    grant: UploadToken | None = None
    #: What all outputs of a job may cost together; None for no limit.
    budget: OutputBudget | None = None

    @classmethod
    def of(cls, dependencies: Dependencies, owner: str, grant: UploadToken | None = None) -> Self:
        """Return the catalog of a caller."""
        webhooks = Webhooks.of(dependencies)
        return cls(
            find_preset=partial(get_preset, dependencies.presets, owner),
            find_asset=partial(dependencies.assets.get, owner),
            find_webhook=lambda name: webhooks.get_for_job(name, owner),
            list_presets=partial(list_preset_names, dependencies.presets, owner, _MAX_LISTED),
            list_assets=lambda: [each.name for each in dependencies.assets.page(owner, limit=_MAX_LISTED).entries],
            list_webhooks=lambda: [each.name for each in dependencies.webhooks.page(owner, limit=_MAX_LISTED).entries],
            grant=grant,
            budget=OutputBudget.of(dependencies.settings),
        )


def resolve_job_spec(options: Options, catalog: Catalog, image: ExpectedImage | None = None) -> JobSpec:
    """Return the job spec of a request's options. ``image`` is what is known of the image, if anything.

    Raises one of ``SPEC_ERRORS``: InvalidPipeline if the options are not valid together, UnknownPreset,
    WatermarkNotFound or UnknownWebhook with a pointer to a name that does not exist, or NotificationsOff if the
    deployment sends no notifications. With an upload token, returns its spec, and raises TokenForbidden if the request
    has options that are part of a spec.
    """
    if catalog.grant is not None:
        _require_only_file(options)
        return catalog.grant.spec
    pipeline, preset = _resolve_pipeline(options, catalog)
    if catalog.budget is not None:
        catalog.budget.check(pipeline, _find_outputs(options, pipeline), image)
    pins = []
    for name in sorted(list_asset_names(pipeline)):
        try:
            pins.append(catalog.find_asset(name).pin)
        except AssetNotFound as error:
            pointers = _find_operations(pipeline, name) if preset is None else ("/preset",)
            reason = describe_missing("asset", name, catalog.list_assets())
            wrong = tuple(FieldError(pointer, reason) for pointer in pointers)
            raise WatermarkNotFound(errors=wrong) from error
    return JobSpec(
        pipeline=pipeline,
        preset=preset,
        assets=tuple(pins),
        webhook=resolve_webhook(options.webhook, catalog),
        facts_request=options.choose_facts(),
    )


def resolve_webhook(name: str | None, catalog: Catalog) -> str | None:
    """Return ``name`` if the caller has a webhook with this name, or None if ``name`` is None.

    Raises UnknownWebhook if there is no such webhook, or NotificationsOff if the deployment sends no notifications.
    """
    if name is None:
        return None
    try:
        return catalog.find_webhook(name).name
    except WebhookNotFound as error:
        reason = describe_missing("webhook", name, catalog.list_webhooks())
        raise UnknownWebhook(errors=(FieldError("/webhook", reason),)) from error


def _resolve_pipeline(options: Options, catalog: Catalog) -> tuple[Pipeline, PresetRef | None]:
    if options.preset is None:
        return options.to_pipeline(), None
    try:
        preset = catalog.find_preset(options.preset)
    except PresetNotFound as error:
        reason = describe_missing("preset", options.preset, catalog.list_presets())
        raise UnknownPreset(errors=(FieldError("/preset", reason),)) from error
    return preset.pipeline, preset.ref


def _find_outputs(options: Options, pipeline: Pipeline) -> str:
    """Return a pointer to the field of a request that decides which outputs a job has."""
    if options.preset is not None:
        return "/preset"
    if options.pipeline is None:
        return "/widths"
    return "/pipeline/responsive" if pipeline.responsive else "/pipeline/outputs"


def _require_only_file(options: Options) -> None:
    """Raise TokenForbidden if a request with an upload token has more than a file and its properties."""
    if isinstance(options, ImportRequest) and not isinstance(options.location(), JobReference):
        why = "is not allowed with an upload token, except job:ID of a job that the token has created"
        raise TokenForbidden(errors=(FieldError("/source", why),))
    chosen = sorted((options.model_fields_set & Options.model_fields.keys()) - {"filename"})
    if chosen:
        raise TokenForbidden(
            errors=tuple(FieldError(f"/{name}", "is set by the upload token") for name in chosen),
        )


def _find_operations(pipeline: Pipeline, name: str) -> tuple[str, ...]:
    """Return pointers to each reference to an asset in a pipeline."""
    lists = [("/pipeline", pipeline.operations)]
    lists += [(f"/pipeline/outputs/{index}", output.operations) for index, output in enumerate(pipeline.outputs)]
    return tuple(
        f"{place}/operations/{index}/image"
        for place, operations in lists
        for index, operation in enumerate(operations)
        if get_asset_name(operation) == name
    )
