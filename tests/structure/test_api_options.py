"""The client knows the API's options, formats and statuses."""

import inspect
from pathlib import Path

import pytest
from support import api_options
from support.sample_images import draw_scene, encode

from safelight.api_options import JOB_OPTIONS
from safelight.cli.commands import ingest, plan, submit
from safelight.ingest.filters import SearchOptions
from safelight.ingest.inspection import HEADER_BYTES, detect_media_type
from safelight.ingest.manifests import COLUMNS
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat

MODULE = Path(__file__).parents[2] / "safelight" / "api_options.py"


def test_the_module_is_current(request: pytest.FixtureRequest) -> None:
    """safelight/api_options.py is generated from shared and api."""
    if request.config.getoption("--write-docs"):
        MODULE.write_text(api_options.generate(), "utf-8")
    assert MODULE.read_text("utf-8") == api_options.generate(), (
        "run pytest tests/structure/test_api_options.py --write-docs"
    )


@pytest.mark.parametrize("command", [submit.submit, ingest.ingest, plan.plan], ids=lambda command: command.__name__)
def test_a_command_has_every_option_of_a_job(command: object) -> None:
    """Plans notify no webhook and collect no facts."""
    parameters = {name.removesuffix("_name") for name in inspect.signature(command).parameters}  # type: ignore[arg-type]
    assert set(JOB_OPTIONS) - ({"webhook", "facts"} if command is plan.plan else set()) <= parameters


def test_a_manifest_has_every_option_of_a_job() -> None:
    """Each option is a column."""
    assert ("path", "filename", *JOB_OPTIONS) == COLUMNS


@pytest.mark.parametrize("image_format", INPUT_FORMATS, ids=lambda image_format: image_format.name)
def test_ingest_recognizes_every_format(image_format: ImageFormat) -> None:
    """By content and by suffix."""
    header = encode(draw_scene(), image_format.name)[:HEADER_BYTES]
    assert detect_media_type(header) == image_format.media_type
    assert all(SearchOptions().matches(f"a.{each}") for each in (image_format.extension, *image_format.spellings))
