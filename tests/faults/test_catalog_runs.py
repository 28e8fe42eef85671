"""Random runs of presets and assets, and mutants that they catch."""

from collections import Counter

import pytest
from faults.simulator.catalog_run import CatalogRun
from faults.simulator.functions import Functions
from faults.simulator.mutants import Mutant
from faults.simulator.seeds import parametrize_seeds

from api.assets.use_cases import Assets
from shared.aws.dynamodb.preset_table import PresetTable

#: Runs per test.
CHUNK = 500
#: Runs in which each mutant must be caught.
MUTANT_RUNS = 300
MUTANTS = (
    Mutant(
        "content not stored again after a deletion",
        Assets.put,
        "if not self._has_content(owner, asset):",
        "if False:",
    ),
    Mutant("record stays without its content", Assets.delete, "with suppress(AssetNotFound):", "if False:"),
    Mutant(
        "version of a preset not compared",
        PresetTable._put_newest,
        '"#Version = :last" if last',
        '"#Version = :last OR attribute_exists(#Version)" if last',
    ),
    Mutant(
        "number of a deleted preset used again",
        PresetTable.put,
        "version=last + 1, pipeline",
        "version=current + 1, pipeline",
    ),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds."""
    parametrize_seeds(metafunc, chunk=CHUNK)


def test_every_invariant_holds(functions: Functions, seeds: range) -> None:
    """Whatever clients do at the same time."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = CatalogRun(functions, seed).go()
        assert not report.breaches, report
        seen += report.seen
    if seeds == range(CHUNK):
        assert {"put preset", "delete preset", "put asset", "delete asset", "pin"} <= set(seen)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_caught(functions: Functions, mutant: Mutant) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        assert any(CatalogRun(functions, seed).go().breaches for seed in range(MUTANT_RUNS))
