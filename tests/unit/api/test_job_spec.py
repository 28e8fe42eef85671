"""Resolution of options to a job spec: pipeline, preset, pinned assets, webhook."""

from datetime import UTC, datetime

import pytest

from api.jobs.job_spec import Catalog, resolve_job_spec
from api.jobs.options import Options
from shared.errors import (
    AssetNotFound,
    PresetNotFound,
    UnknownPreset,
    UnknownWebhook,
    WatermarkNotFound,
    WebhookNotFound,
)
from shared.pipeline.asset import Asset, AssetPin
from shared.pipeline.operations import Watermark
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Grayscale, Pipeline
from shared.pipeline.preset import Preset, PresetRef
from shared.webhooks.webhook import Webhook

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def naming(*names: str) -> Pipeline:
    """Return a pipeline that refers to assets."""
    return Pipeline(operations=(Grayscale(), *(Watermark(image=name) for name in names)))


def find_asset(name: str) -> Asset:
    """Know every asset but ``gone``."""
    if name == "gone":
        raise AssetNotFound
    return Asset(name=name, digest=f"of-{name}", size=1, format="PNG", width=1, height=1, uploaded_at=NOW)


def find_preset(name: str) -> Preset:
    """Know two presets."""
    pipelines = {"marked": naming("logo"), "broken": naming("gone")}
    if name not in pipelines:
        raise PresetNotFound
    return Preset(name=name, version=7, pipeline=pipelines[name], created_at=NOW)


def find_webhook(name: str) -> Webhook:
    """Know one webhook."""
    if name != "studio":
        raise WebhookNotFound
    return Webhook(owner="someone", name=name, url="https://a.test", events=(), created_at=NOW, updated_at=NOW)


CATALOG = Catalog(find_preset=find_preset, find_asset=find_asset, find_webhook=find_webhook)


def test_no_options_give_the_default_pipeline() -> None:
    """The default spec has neither a preset nor assets."""
    spec = resolve_job_spec(Options(), CATALOG)
    assert (spec.pipeline, spec.preset, spec.assets) == (DEFAULT_PIPELINE, None, ())


def test_assets_are_pinned_once_each() -> None:
    """Each asset is pinned once, even if the pipeline uses it twice."""
    spec = resolve_job_spec(Options(pipeline=naming("logo", "badge", "logo")), CATALOG)
    assert spec.assets == (AssetPin("badge", "of-badge"), AssetPin("logo", "of-logo"))


def test_preset_sets_its_version_and_assets() -> None:
    """The assets of a preset's pipeline are pinned too."""
    spec = resolve_job_spec(Options(preset="marked"), CATALOG)
    assert (spec.preset, spec.assets) == (PresetRef("marked", 7), (AssetPin("logo", "of-logo"),))


def test_unknown_names_are_pointed_at() -> None:
    """The pointer leads to the operations, or to the preset that contains them."""
    with pytest.raises(WatermarkNotFound) as missing:
        resolve_job_spec(Options(pipeline=naming("logo", "gone", "gone")), CATALOG)
    places = ["/pipeline/operations/2/image", "/pipeline/operations/3/image"]
    assert [each.pointer for each in missing.value.errors] == places
    with pytest.raises(WatermarkNotFound) as inside:
        resolve_job_spec(Options(preset="broken"), CATALOG)
    assert [each.pointer for each in inside.value.errors] == ["/preset"]
    with pytest.raises(UnknownPreset) as unknown:
        resolve_job_spec(Options(preset="nobodys"), CATALOG)
    assert ([each.pointer for each in unknown.value.errors], unknown.value.status) == (["/preset"], 422)


def test_webhook_must_exist() -> None:
    """An unknown webhook is rejected with a pointer."""
    assert resolve_job_spec(Options(webhook="studio"), CATALOG).webhook == "studio"
    assert resolve_job_spec(Options(), CATALOG).webhook is None
    with pytest.raises(UnknownWebhook) as wrong:
        resolve_job_spec(Options(webhook="nobody"), CATALOG)
    assert [each.pointer for each in wrong.value.errors] == ["/webhook"]
