"""Capabilities on moto: everything that they claim is checked on the worker."""

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
from worker.imaging.operations import RESOLVED, build_function_table
from worker.imaging.pipeline import refuse_assets

LIMITS = Limits(max_bytes=10**8, max_pixels=10**8, max_side=10**5)
JPEG_XL = b"\0\0\0\x0cJXL \r\n\x87\n"


@pytest.fixture
def capabilities(cloud: Cloud) -> dict[str, Any]:
    """Return the response of GET /v1/capabilities."""
    answer = cloud.call("GET", "/v1/capabilities")
    assert answer.status == 200
    document: dict[str, Any] = answer.json
    return document


def test_operations_match_the_worker(capabilities: dict[str, Any]) -> None:
    """Each operation has a function, each function is listed, and the parameters match."""
    schemas = {each["op"]: each["parameters"] for each in capabilities["operations"]}
    models: list[type[BaseModel]] = [*build_function_table(refuse_assets), *RESOLVED]
    implemented = {model.model_fields["op"].default: model for model in models}
    assert schemas.keys() == implemented.keys()
    for op, model in implemented.items():
        assert schemas[op]["properties"].keys() == model.model_fields.keys()
        assert schemas[op]["additionalProperties"] is False


def test_inputs_match_the_worker(capabilities: dict[str, Any]) -> None:
    """The worker decodes each listed format and no other."""
    formats = [each["format"] for each in capabilities["inputs"]]
    assert set(formats) == set(FORMATS)
    for name in formats:
        assert render(sample_images.encode(sample_images.draw_scene(), name), Pipeline(), LIMITS).format == name


def test_outputs_match_the_worker(capabilities: dict[str, Any]) -> None:
    """The worker writes each listed format and keeps transparency where `alpha` is true."""
    transparent = sample_images.make_png(mode="RGBA")
    for each in capabilities["outputs"]["formats"]:
        pipeline = Pipeline(outputs=(Output.model_validate({"format": each["name"]}),))
        ((_, encoded),) = render(transparent, pipeline, LIMITS).outputs
        found = detect_format(encoded.data)
        assert found is not None
        assert (found.media_type, found.extension) == (each["media_type"], each["extension"])
        assert sample_images.decode(encoded.data).has_transparency_data == each["alpha"]
    schema = capabilities["outputs"]["parameters"]
    names = schema["$defs"]["OutputFormat"]["enum"]
    assert sorted(each["name"] for each in capabilities["outputs"]["formats"]) == sorted(names)


def test_animations_are_kept_as_listed(capabilities: dict[str, Any]) -> None:
    """A GIF keeps all frames exactly where `animation` is true."""
    frames = [sample_images.draw_scene().rotate(angle) for angle in (0, 90, 180)]
    moving = sample_images.encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    for each in capabilities["outputs"]["formats"]:
        pipeline = Pipeline(outputs=(Output.model_validate({"format": each["name"]}),))
        ((_, encoded),) = render(moving, pipeline, LIMITS).outputs
        assert (getattr(sample_images.decode(encoded.data), "n_frames", 1) == 3) == each["animation"], each["name"]


def test_quality_is_accepted_as_listed(capabilities: dict[str, Any]) -> None:
    """Formats without quality refuse it."""
    for each in capabilities["outputs"]["formats"]:
        fields = {"format": each["name"], "quality": 50}
        if each["quality"]:
            assert Output.model_validate(fields).quality == 50
        else:
            with pytest.raises(ValueError, match="takes no quality"):
                Output.model_validate(fields)


def test_unavailable_formats_are_refused(capabilities: dict[str, Any]) -> None:
    """JPEG XL is listed as unavailable, detected by name, and has no decoder."""
    assert "JPEG XL" in [each["format"] for each in capabilities["not_available"]]
    assert not UNSUPPORTED_FORMATS.keys() & BY_NAME.keys()
    assert (detect_format(JPEG_XL), describe_unsupported_format(JPEG_XL)) == (None, "JPEG XL")
    Image.init()
    assert "JXL" not in Image.OPEN


def test_listed_decoders_are_installed(capabilities: dict[str, Any]) -> None:
    """This build of Pillow has the libraries of the formats."""
    libraries = {"JPEG": "jpg", "PNG": "zlib", "WEBP": "webp", "AVIF": "avif", "TIFF": "libtiff"}
    for each in capabilities["inputs"]:
        assert each["format"] not in libraries or features.check(libraries[each["format"]])


def test_limits_match_the_stack(capabilities: dict[str, Any]) -> None:
    """They are the values of the deployment."""
    defaults = parameter_defaults(load_template())
    for name, parameter in (
        ("max_raw_bytes", "MaxRawBytes"),
        ("max_pixels", "MaxPixels"),
        ("max_side", "MaxSide"),
        ("max_frames", "MaxFrames"),
        ("max_total_pixels", "MaxTotalPixels"),
    ):
        assert capabilities["limits"][name] == int(defaults[parameter])


def test_presets_and_default_are_listed(capabilities: dict[str, Any]) -> None:
    """The default pipeline is the first built-in preset."""
    assert [each["name"] for each in capabilities["presets"]] == list(BUILT_IN)
    assert capabilities["default_pipeline"] == capabilities["presets"][0]["pipeline"]


def test_sandbox_is_what_receipts_say(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a completed image, the layers are not known. Other callers learn nothing."""
    monkeypatch.setenv("SANDBOX", "require")
    assert cloud.call("GET", "/v1/capabilities").json["sandbox"] == {"mode": "require", "layers": None}
    job = cloud.submit(sample_images.make_jpeg())
    cloud.deliver(cloud.receive())
    cloud.submit(b"\x89PNG\r\n\x1a\n")  # a newer job, which is not completed
    layers = cloud.call("GET", f"/v1/jobs/{job['id']}/receipt").json["receipt"]["sandbox"]
    assert cloud.call("GET", "/v1/capabilities").json["sandbox"] == {"mode": "require", "layers": layers}
    other = {"userArn": "arn:aws:iam::000000000000:user/somebody-else"}
    assert cloud.call("GET", "/v1/capabilities", identity=other).json["sandbox"]["layers"] is None
