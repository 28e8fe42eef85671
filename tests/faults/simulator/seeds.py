"""Seeds of the random runs, from the options of pytest."""

import pytest

#: A chunk is complete from this many runs of ``--fault-runs``. With fewer, as in ``make test``, it has fewer seeds.
COMPLETE_FROM = 500


def parametrize_seeds(metafunc: pytest.Metafunc, *, chunk: int, part: int = 1) -> None:
    """Create one test per ``chunk`` of seeds, for one of ``part`` runs of ``--fault-runs``, but at least one test.

    With ``--fault-seed``, create one test with this seed.
    """
    if "seeds" not in metafunc.fixturenames:
        return
    one = metafunc.config.getoption("--fault-seed")
    given = metafunc.config.getoption("--fault-runs")
    runs = max(1, min(chunk, chunk * given // COMPLETE_FROM), given // part)
    seeds = range(runs) if one is None else range(one, one + 1)
    chunks = [seeds[at : at + chunk] for at in range(0, len(seeds), chunk)]
    metafunc.parametrize("seeds", chunks, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
