"""Capabilities on moto, each claim put to the worker: what is told is what is done."""

from typing import Any

import pytest
from PIL import Image, features
from pydantic import BaseModel
from support import sample_images
from support.moto_cloud import Cloud

from infra.deployment.template import load_template, parameter_defaults
from shared.pipeline.image_formats import BY_NAME, UNSUPPORTED_FORMATS, describe_unsupported_format, detect_format
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import Output, Pipeline
from shared.pipeline.preset import BUILT_IN
from worker.imaging import render
from worker.imaging.decode import FORMATS
from worker.imaging.operations import RESOLVED, get_functions
from worker.imaging.pipeline import refuse_assets

LIMITS = Limits(max_bytes=10**8, max_pixels=10**8, max_side=10**5)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.fixture
def told(cloud: Cloud) -> dict[str, Any]:
    """Return what the API says of itself."""
    answer = cloud.call("GET", "/v1/capabilities")
    assert answer.status == 200
    document: dict[str, Any] = answer.json
    return document


def test_operations_are_those_of_the_worker(told: dict[str, Any]) -> None:
    """Each operation that is told has a function, and each function is told, with its own parameters."""
    schemas = {each["op"]: each["parameters"] for each in told["operations"]}
    models: list[type[BaseModel]] = [*get_functions(refuse_assets), *RESOLVED]
    worked = {model.model_fields["op"].default: model for model in models}
    assert schemas.keys() == worked.keys()
    for op, model in worked.items():
        assert schemas[op]["properties"].keys() == model.model_fields.keys()
        assert schemas[op]["additionalProperties"] is False


def test_inputs_are_those_of_the_worker(told: dict[str, Any]) -> None:
    """The worker decodes a file of each format that is told, and knows no other."""
    formats = [each["format"] for each in told["inputs"]]
    assert set(formats) == set(FORMATS)
    for name in formats:
        assert render(sample_images.encoded(sample_images.scene(), name), Pipeline(), LIMITS).format == name


def test_outputs_are_those_of_the_worker(told: dict[str, Any]) -> None:
    """The worker writes each format that is told, and keeps transparency exactly where that is claimed."""
    transparent = sample_images.png(mode="RGBA")
    for each in told["outputs"]["formats"]:
        pipeline = Pipeline(outputs=(Output.model_validate({"format": each["name"]}),))
        ((_, encoded),) = render(transparent, pipeline, LIMITS).outputs
        found = detect_format(encoded.data)
        assert found is not None
        assert (found.media_type, found.extension) == (each["media_type"], each["extension"])
        assert sample_images.opened(encoded.data).has_transparency_data == each["alpha"]
    schema = told["outputs"]["parameters"]
    names = schema["$defs"]["OutputFormat"]["enum"]
    assert sorted(each["name"] for each in told["outputs"]["formats"]) == sorted(names)


def test_animations_are_kept_where_that_is_told(told: dict[str, Any]) -> None:
    """An animated GIF comes out with all of its frames exactly where that is claimed."""
    frames = [sample_images.scene().rotate(angle) for angle in (0, 90, 180)]
    moving = sample_images.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    for each in told["outputs"]["formats"]:
        pipeline = Pipeline(outputs=(Output.model_validate({"format": each["name"]}),))
        ((_, encoded),) = render(moving, pipeline, LIMITS).outputs
        assert (getattr(sample_images.opened(encoded.data), "n_frames", 1) == 3) == each["animation"], each["name"]


def test_quality_is_taken_where_that_is_told(told: dict[str, Any]) -> None:
    """A format that claims no quality refuses it, and the others take it."""
    for each in told["outputs"]["formats"]:
        asked = {"format": each["name"], "quality": 50}
        if each["quality"]:
            assert Output.model_validate(asked).quality == 50
        else:
            with pytest.raises(ValueError, match="takes no quality"):
                Output.model_validate(asked)


def test_what_is_not_available_is_refused(told: dict[str, Any]) -> None:
    """HEIC is reported as missing, it is refused by name, and no decoder for it is installed."""
    assert "HEIC" in [each["format"] for each in told["not_available"]]
    assert not UNSUPPORTED_FORMATS.keys() & BY_NAME.keys()
    assert (detect_format(HEIC), describe_unsupported_format(HEIC)) == (None, "HEIC")
    Image.init()
    assert not {"HEIC", "HEIF"} & Image.OPEN.keys()


def test_decoders_that_are_told_are_installed(told: dict[str, Any]) -> None:
    """The libraries behind the formats are in this build of Pillow."""
    needed = {"JPEG": "jpg", "PNG": "zlib", "WEBP": "webp", "AVIF": "avif", "TIFF": "libtiff"}
    for each in told["inputs"]:
        assert each["format"] not in needed or features.check(needed[each["format"]])


def test_limits_are_those_of_the_stack(told: dict[str, Any]) -> None:
    """The figures are the deployment's own."""
    defaults = parameter_defaults(load_template())
    for name, parameter in (
        ("max_raw_bytes", "MaxRawBytes"),
        ("max_pixels", "MaxPixels"),
        ("max_side", "MaxSide"),
        ("max_frames", "MaxFrames"),
        ("max_total_pixels", "MaxTotalPixels"),
    ):
        assert told["limits"][name] == int(defaults[parameter])


def test_presets_and_default_are_told(told: dict[str, Any]) -> None:
    """The built-in presets are there, and the default pipeline is the preset of that name."""
    assert [each["name"] for each in told["presets"]] == list(BUILT_IN)
    assert told["default_pipeline"] == told["presets"][0]["pipeline"]
