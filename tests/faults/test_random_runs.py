"""Thousands of random runs: jobs through all functions with faults between any two steps.

``--fault-runs N`` sets the number; ``--fault-seed S`` repeats one run and prints its log.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from faults.simulator import rendering
from faults.simulator.functions import Functions
from faults.simulator.invariants import read_outputs
from faults.simulator.random_run import Run
from faults.simulator.seeds import parametrize_seeds
from support import sample_images

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render

#: Runs per test: few enough to spread over cores, enough to meet rare paths.
CHUNK = 500
#: Rare paths that the first chunk must meet. Another chunk may miss one by chance.
SOMETIMES = (
    "acknowledged when overtaken",
    "batch filled again",
    "completed",
    "copied",
    "copy requested: 202",
    "copy requested: 409",
    "copy requested: 422",
    "dead letter",
    "expired lease taken over",
    "failed by worker",
    "import complete",
    "import stopped",
    "job given back",
    "lease held",
    "lost answer of a claim recognised",
    "lost answer of a commit recognised",
    "lost commit",
    "members counted",
    "message of a deleted job",
    "message of an ended job",
    "owner's cancel",
    "owner's delete",
    "operator's redrive",
    "owner's retry",
    "stale generation",
    "rendering interrupted",
    "requeued job",
    "several outputs",
    "tombstone found",
    "unreadable message kept",
    "upload cancelled",
    "upload expired",
    "upload pending",
    "upload processing",
    "upload replaced",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds."""
    parametrize_seeds(metafunc, chunk=CHUNK)


def test_every_job_ends_and_every_invariant_holds(functions: Functions, seeds: range) -> None:
    """Each accepted job ends once, with a reason and a correct result."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = Run(functions, seed).go()
        assert not report.breaches, report
        seen += report.seen
    if seeds == range(CHUNK):
        assert not [what for what in SOMETIMES if not seen[what]], seen


def test_a_seed_repeats_a_run(functions: Functions) -> None:
    """The same seed gives the same calls in the same order with the same faults."""
    stories = []
    for _ in range(2):
        run = Run(functions, 77)
        run.go()
        stories.append([(s.actor.name, s.number, s.tried, s.operation, fault) for s, fault in run.world.steps])
    assert stories[0] == stories[1]
    assert len(stories[0]) > 10


def test_real_images_are_processed_correctly(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real pixels: what is COMPLETED decodes, is gray and has the requested size."""
    files = {
        # Before GOOD, which is the start of it.
        rendering.KILLED_ONCE: sample_images.make_jpeg(1200, 600),
        rendering.GOOD: sample_images.make_jpeg(1200, 600),
        rendering.BAD: sample_images.make_jpeg(400, 300)[:3_000],
    }
    quick = functions.render

    def real(data: bytes, pipeline: Pipeline, limits: Limits, assets: Mapping[str, bytes], facts: Any) -> RenderResult:
        mark = next((mark for mark in files if data.startswith(mark)), None)
        if mark in {None, rendering.KILLED_ONCE}:
            result = quick(data, pipeline, limits, assets, facts)
        return result if mark is None else render(data[len(mark) :], pipeline, limits, facts_request=facts)

    monkeypatch.setattr(functions, "render", real)
    completed = 0
    for seed in range(40):
        run = Run(functions, seed, files)
        report = run.go()
        assert not report.breaches, report
        for record in run.world.jobs.values():
            for output in read_outputs(record):
                image = sample_images.decode(run.world.bucket.objects[output.key].body)
                width = int(output.name[1:].partition("-")[0]) if output.name != "image" else 1024
                assert (image.size, image.mode) == ((width, width // 2), "L" if width == 1024 else "RGB")
                completed += 1
    assert completed > 40
