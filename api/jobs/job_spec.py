"""From what was asked to what a job will carry: the pipeline, where it came from, and the assets that it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from api.jobs.options import Options
from shared.errors import (
    AssetNotFound,
    FieldError,
    PresetNotFound,
    UnknownPreset,
    UnknownWebhook,
    WatermarkNotFound,
    WebhookNotFound,
)
from shared.pipeline.asset import Asset, AssetPin
from shared.pipeline.pipeline import Pipeline, asset_names, asset_of
from shared.pipeline.preset import Preset, PresetRef
from shared.webhooks.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Choice:
    """A pipeline, the preset that it is of, if any, and the contents that its assets have at this moment."""

    pipeline: Pipeline
    preset: PresetRef | None = None
    assets: tuple[AssetPin, ...] = ()
    webhook: str | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """What a caller may refer to by name."""

    #: Return the newest version of a preset, built in or the caller's; raises PresetNotFound.
    find_preset: Callable[[str], Preset]
    #: Return the facts of one of the caller's assets; raises AssetNotFound.
    find_asset: Callable[[str], Asset]
    #: Return one of the caller's webhooks; raises WebhookNotFound, or NotificationsOff.
    find_webhook: Callable[[str], Webhook]


def choose(options: Options, library: Library) -> Choice:
    """Settle what a job will carry.

    Raises InvalidPipeline, UnknownPreset, WatermarkNotFound or UnknownWebhook, each with a pointer to where the name
    stands; NotificationsOff where nobody can be told.
    """
    pipeline, ref = _pipeline(options, library)
    pins = []
    for name in sorted(asset_names(pipeline)):
        try:
            pins.append(library.find_asset(name).pin)
        except AssetNotFound as error:
            where = _places(pipeline, name) if ref is None else ("/preset",)
            wrong = tuple(FieldError(pointer, f"no asset is named {name}") for pointer in where)
            raise WatermarkNotFound(errors=wrong) from error
    return Choice(pipeline, ref, tuple(pins), find_webhook(options.webhook, library))


def find_webhook(name: str | None, library: Library) -> str | None:
    """Return the name of the caller's webhook that is asked for, if any. Raises UnknownWebhook or NotificationsOff."""
    if name is None:
        return None
    try:
        return library.find_webhook(name).name
    except WebhookNotFound as error:
        raise UnknownWebhook(errors=(FieldError("/webhook", "no webhook of that name"),)) from error


def _pipeline(options: Options, library: Library) -> tuple[Pipeline, PresetRef | None]:
    if options.preset is None:
        return options.to_pipeline(), None
    try:
        preset = library.find_preset(options.preset)
    except PresetNotFound as error:
        raise UnknownPreset(errors=(FieldError("/preset", "no preset of that name"),)) from error
    return preset.pipeline, preset.ref


def _places(pipeline: Pipeline, name: str) -> tuple[str, ...]:
    return tuple(
        f"/pipeline/operations/{index}/image"
        for index, operation in enumerate(pipeline.operations)
        if asset_of(operation) == name
    )
