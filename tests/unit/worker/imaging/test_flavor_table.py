"""The table of variants of TIFF and BMP in docs/fidelity.md."""

import pytest
from support.flavor_table import build_table, read_table


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some files
def test_table_of_variants_is_current() -> None:
    """``python -m support.flavor_table`` in the folder ``tests`` updates it."""
    assert read_table() == build_table()


def test_nothing_is_decoded_wrongly() -> None:
    """Each variant is right or refused."""
    results = [line.split("|")[3].strip() for line in read_table().splitlines()[2:]]
    assert set(results) == {"right", "refused"}
