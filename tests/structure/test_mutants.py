"""The hand-written mutants fit the code. ``make mutants`` shows that tests catch them."""

from collections import Counter
from pathlib import Path

import pytest
from mutants.__main__ import select_mutants
from mutants.catalog import load_groups
from mutants.mutant import ROOT, Mutant, OutdatedMutant

GROUPS = load_groups()
MUTANTS = [mutant for group in GROUPS.values() for mutant in group]


@pytest.mark.parametrize("group", GROUPS)
def test_every_mutant_fits_the_code(group: str) -> None:
    """The text that it replaces occurs once, and the result is another Python program."""
    for mutant in GROUPS[group]:
        source = (ROOT / mutant.path).read_text("utf-8")
        assert mutant.apply(source) != source, mutant.name


def test_names_are_unique() -> None:
    """A name selects one mutant."""
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_the_tests_of_every_mutant_exist() -> None:
    """Each is a file or a function of a file that ``make test`` runs."""
    missing = []
    for test in {test for mutant in MUTANTS for test in mutant.tests}:
        path, _, name = test.partition("::")
        file = ROOT / path
        is_test = file.is_file() and file.name.startswith("test_")
        if not is_test or (name and f"def {name.partition('[')[0]}(" not in file.read_text("utf-8")):
            missing.append(test)
    assert missing == []


def test_an_outdated_mutant_is_an_error() -> None:
    """Its text is missing or ambiguous, or the mutated code is no Python."""
    mutant = Mutant("m", "m.py", "a", "b", ("t.py",))
    assert mutant.apply("x = a") == "x = b"
    for source in ("x = c", "a = a"):
        with pytest.raises(OutdatedMutant, match="occurs"):
            mutant.apply(source)
    with pytest.raises(SyntaxError):
        Mutant("m", "m.py", "a", "(", ("t.py",)).apply("x = a")


def test_words_select_groups_and_names() -> None:
    """Without words, all mutants run."""
    groups = {name: (Mutant(f"no {name}", "m.py", "a", "b", ()),) for name in ("cats", "dogs")}
    assert [mutant.name for mutant in select_mutants(groups, [])] == ["no cats", "no dogs"]
    assert [mutant.name for mutant in select_mutants(groups, ["cats"])] == ["no cats"]
    assert [mutant.name for mutant in select_mutants(groups, ["no d"])] == ["no dogs"]


def test_the_list_has_a_mutant_of_each_kind_of_decision() -> None:
    """No module with decisions about jobs, requests or isolation is left out."""
    mutated = {Path(mutant.path) for mutant in MUTANTS}
    decisions = {
        *("shared/jobs/job.py", "shared/jobs/recovery.py", "shared/jobs/batch.py", "shared/sqs_batch.py"),
        *("shared/aws/dynamodb/job_table.py", "shared/aws/dynamodb/idempotency/request_log.py"),
        *("shared/aws/job_deletion.py", "shared/aws/dynamodb/owner_quotas.py"),
        *("shared/aws/dynamodb/idempotency/token_buckets.py", "shared/webhooks/circuit.py"),
        *("shared/aws/dynamodb/webhooks/delivery_table.py", "shared/aws/s3/image_store.py"),
        *("shared/aws/s3/upload_forms.py", "worker/image_processor.py", "worker/reconciler.py"),
        *("worker/dead_letters.py", "worker/app.py", "worker/sandbox/syscalls.py", "worker/sandbox/confinement.py"),
        *("worker/sandbox/process.py", "api/http/etags.py", "api/http/idempotency.py", "api/http/cors.py"),
        *("api/jobs/lifecycle.py", "api/batches/use_cases.py", "api/dead_letters/use_cases.py"),
        *("api/uploads/use_cases.py", "shared/aws/dynamodb/idempotency/token_table.py", "api/tokens/access.py"),
        *("shared/jobs/upload_token.py",),
    }
    assert {Path(path) for path in decisions} <= mutated
