"""Random runs of upload tokens: the counts are exact, whatever is repeated, killed or lost. And mutants they catch."""

from collections import Counter
from collections.abc import Callable

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import Mutant
from faults.simulator.seeds import parametrize_seeds
from faults.simulator.token_run import TokenRun

from shared.aws.dynamodb.idempotency.token_table import TokenTable
from shared.aws.dynamodb.job_table import JobTable

#: Runs per test.
CHUNK = 500
#: Runs in which each mutant must be caught.
MUTANT_RUNS = 400
MUTANTS = (
    Mutant(
        "files not compared in the write",
        TokenTable.reserve,
        '"#Files < :most_files',
        '"(#Files < :most_files OR #Files > :one)',
    ),
    Mutant(
        "bytes not compared in the write",
        TokenTable.reserve,
        "#Bytes <= :most_bytes",
        "(#Bytes <= :most_bytes OR #Files >= :one)",
    ),
    Mutant(
        "revocation not compared in the write",
        TokenTable.reserve,
        " AND attribute_not_exists(#RevokedAt)",
        "",
    ),
    Mutant("bytes not counted", TokenTable.reserve, '":bytes": size', '":bytes": 0'),
    Mutant("a repeated request is refused", JobTable._reserve, "return []", "raise TokenUsedUp from None"),
    Mutant(
        "job counted outside of its transaction",
        JobTable._put,
        'transact(self._client, [{"Put": put}, *writes])',
        "self._client.put_item(**put); transact(self._client, writes)",
    ),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds."""
    parametrize_seeds(metafunc, chunk=CHUNK)


def test_every_invariant_holds(
    functions: Functions, seeds: range, record_property: Callable[[str, object], None]
) -> None:
    """Also if many more jobs are requested than the tokens allow."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = TokenRun(functions, seed).go()
        assert not report.breaches, report
        seen += report.seen
    if seeds == range(CHUNK):
        assert {"create", "revoke", "refused", "upload: post", "upload: put", "upload: multipart"} <= set(seen)
    record_property("shown", f"{len(seeds)} runs of tokens: {dict(seen)}")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_caught(functions: Functions, mutant: Mutant) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        assert any(TokenRun(functions, seed).go().breaches for seed in range(MUTANT_RUNS))
