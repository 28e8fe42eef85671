"""Operations and outputs in the tables of docs/move.md."""

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import Output

PAGE = (Path(__file__).parents[2] / "docs" / "move.md").read_text("utf-8")
SHOWN = re.findall(r"`(\{[^`…]*\})`", PAGE)


@pytest.mark.parametrize("text", SHOWN)
def test_every_operation_and_output_is_valid(text: str) -> None:
    """As the API reads it."""
    shown = json.loads(text)
    model: TypeAdapter[object] = TypeAdapter(AnyOperation if "op" in shown else Output)
    assert model.validate_python(shown)


def test_the_page_shows_operations() -> None:
    """The search above finds them."""
    assert sum('"op"' in text for text in SHOWN) > 8
