"""Seeds of the random runs, from the options of pytest."""

import pytest


def parametrize_seeds(metafunc: pytest.Metafunc, *, chunk: int, part: int = 1) -> None:
    """Create one test per ``chunk`` of seeds, for one of ``part`` runs of ``--fault-runs``, but at least one chunk.

    With ``--fault-seed``, create one test with this seed.
    """
    if "seeds" not in metafunc.fixturenames:
        return
    one = metafunc.config.getoption("--fault-seed")
    runs = max(chunk, metafunc.config.getoption("--fault-runs") // part)
    seeds = range(runs) if one is None else range(one, one + 1)
    chunks = [seeds[at : at + chunk] for at in range(0, len(seeds), chunk)]
    metafunc.parametrize("seeds", chunks, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
