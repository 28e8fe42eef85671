"""docs/operations.md matches the models and its own examples."""

import re
from pathlib import Path
from typing import Any, get_args

import operation_images
import pytest
from support import sample_images

from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import Output

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
EXAMPLES = operation_images.read_examples()
MODELS: dict[str, Any] = {each.model_fields["op"].default: each for each in get_args(AnyOperation)}


def documented(section: str) -> set[str]:
    """Return the parameters that the table of a section names."""
    cells = re.findall(r"^\| (`[^|]+) \|", SECTIONS[section], flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("name", MODELS)
def test_every_operation_has_a_section_with_parameters_and_an_image(name: str) -> None:
    """Exactly the operations and parameters of the models."""
    assert documented(name) == MODELS[name].model_fields.keys() - {"op"}
    assert f'{{"op": "{name}"' in SECTIONS[name]
    assert "](images/" in SECTIONS[name]


def test_every_output_option_is_documented() -> None:
    """Exactly the options of the model."""
    assert documented("Outputs") == set(Output.model_fields)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_creates_the_image_beside_it(name: str) -> None:
    """The example is valid, runs, and gives the image on the page."""
    fresh = sample_images.decode(operation_images.render_example(name, EXAMPLES[name]))
    stored = sample_images.decode((operation_images.IMAGES / f"{name}.webp").read_bytes())
    assert fresh.size == stored.size
    assert fresh.mode == stored.mode


def test_every_image_belongs_to_an_example() -> None:
    """Each example has one image, and all together are small."""
    files = list(operation_images.IMAGES.iterdir())
    assert {path.stem for path in files} == {*EXAMPLES, "astronaut", "horse"}
    assert len(EXAMPLES) >= len(MODELS)
    assert sum(path.stat().st_size for path in files) < 1_500_000
