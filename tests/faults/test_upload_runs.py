"""Random runs of uploads in parts and with one signed request, and mutants that they catch.

The parts have a few bytes, so that the runs are quick.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import Mutant, parametrize
from faults.simulator.seeds import parametrize_seeds
from faults.simulator.settings import Blueprint
from faults.simulator.upload_run import UploadRun

import worker.reconciler
from api.jobs import lifecycle
from api.uploads.multipart import Multipart
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.multipart_uploads import MultipartUploads
from shared.jobs import part_plan, recovery
from shared.jobs.part_plan import PartPlan
from shared.jobs.upload_declaration import UploadDeclaration

#: Runs per test: enough to meet rare paths.
CHUNK = 150
#: The most runs until a mutant is caught.
MUTANT_RUNS = 400
#: Rare paths that the runs must meet.
SOMETIMES = (
    *("aborted", "completed", "confirmed", "part lost", "part too late", "without faults"),
    *("left to the lifecycle rule", "refused: NOT_AWAITING_UPLOAD", "refused: PARTS_MISSING"),
    *("multipart: abort and complete: CANCELLED", "multipart: abort and complete: COMPLETED"),
    *("multipart: complete twice: COMPLETED", "multipart: complete: FAILED"),
    *("multipart: gone: EXPIRED", "multipart: never: EXPIRED", "put: complete: COMPLETED"),
)
MUTANTS = (
    Mutant("a cancelled job keeps its parts", lifecycle.cancel_job, "images.abort_upload(job)", "pass"),
    Mutant(
        "an expired job keeps its parts",
        worker.reconciler.Reconciler.reconcile,
        "self.images.abort_upload(job)",
        "pass",
    ),
    Mutant("a deleted job keeps its parts", ImageStore.delete_job, "self.abort_upload(job)", "pass", first_seed=294),
    Mutant("each request starts an upload", MultipartUploads.start, "if found:", "if False:"),
    Mutant(
        "parts may be missing",
        PartPlan.require_complete,
        "range(1, self.count + 1)",
        "range(1, self.count)",
        first_seed=59,
    ),
    Mutant(
        "an upload that is gone is taken as completed",
        Multipart.complete,
        "return self._find_arrived(job_id, owner)",
        "return Submitted(job)",
    ),
    Mutant(
        "a completion leaves the rest to S3's event",
        Multipart.complete,
        "return self.uploads.confirm(job_id, owner)",
        "return Submitted(job)",
    ),
    Mutant(
        "an abortion cancels nothing",
        Multipart.abort,
        "return self.lifecycle.cancel(job_id, owner, at=at)",
        "self.uploads.images.abort_upload(job); return job",
    ),
    Mutant("any digest is accepted", UploadDeclaration.find_mismatch, "digest != self.digest", "digest is None"),
    Mutant("any file is confirmed", Uploads.confirm, "if size is None:", "if False:"),
    Mutant(
        "a paused upload expires at once", recovery._decide_awaited, "if job.is_multipart and now < end:", "if False:"
    ),
    Mutant("an upload never expires", recovery._decide_awaited, "if job.is_multipart and now < end:", "if True:"),
    Mutant(
        "job counted outside of its transaction",
        JobTable._put,
        'transact(self._client, [{"Put": put}, *writes])',
        "self._client.put_item(**put); transact(self._client, writes)",
    ),
)


@pytest.fixture(scope="module")
def built_limited() -> Functions:
    """Return the functions with limits of owners that no run reaches, not installed."""
    blueprint = Blueprint.read()
    defaults = {**blueprint.defaults, "OwnerOpenJobs": "1000", "OwnerDailyBytes": "1000000000000"}
    return Functions(replace(blueprint, defaults=defaults))


@pytest.fixture
def limited(built_limited: Functions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    """Install the functions, with parts of five bytes."""
    monkeypatch.setattr(part_plan, "MIN_PART_BYTES", 5)
    with built_limited.install():
        yield built_limited


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds."""
    parametrize_seeds(metafunc, chunk=CHUNK, part=5)


def test_every_invariant_holds(
    limited: Functions, seeds: range, record_property: Callable[[str, object], None]
) -> None:
    """Uploads that are interrupted, completed twice, aborted meanwhile or never completed."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = UploadRun(limited, seed).go()
        assert not report.breaches, report
        seen += report.seen
    if seeds == range(CHUNK):
        assert not [what for what in SOMETIMES if not seen[what]], seen
    record_property("shown", f"{len(seeds)} runs of uploads: {dict(seen)}")


@parametrize(MUTANTS)
def test_every_mutant_is_caught(limited: Functions, mutant: Mutant) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        assert any(UploadRun(limited, seed).go().breaches for seed in mutant.seeds(MUTANT_RUNS))
