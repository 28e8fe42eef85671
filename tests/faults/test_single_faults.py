"""Every single fault between every two steps of each path violates no invariant; docs/faults.md has the results."""

from collections.abc import Callable
from pathlib import Path

import pytest
from faults.simulator.copy_scenes import COPY_SCENES
from faults.simulator.faults import Fault
from faults.simulator.faults_page import Played, name_row, page, read_cells
from faults.simulator.functions import Functions
from faults.simulator.owner_scenes import OWNER_SCENES
from faults.simulator.single_faults import SCENES, InjectedFault, Scene, hits, play_scene
from faults.simulator.upload_scenes import UPLOAD_SCENES

WITHOUT_ID = ("503, no job", "no response, no job", "503, EXPIRED", "no response, EXPIRED")
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


#: Without ``--thorough``, one of this many faults of each path is injected: at each call, other kinds of faults.
SAMPLE = 20


@pytest.fixture(scope="module")
def is_whole(request: pytest.FixtureRequest) -> bool:
    """Return True if every fault is injected."""
    return any(request.config.getoption(option) for option in ("--thorough", "--write-docs"))


@pytest.fixture(scope="module")
def played(built_functions: Functions, is_whole: bool) -> list[tuple[Scene, Played]]:
    """Play each scene without a fault, then with each, or with a sample."""
    found: list[tuple[Scene, Played]] = []
    step = 1 if is_whole else SAMPLE
    with built_functions.install():
        for position, scene in enumerate((*SCENES, *UPLOAD_SCENES, *OWNER_SCENES, *COPY_SCENES)):
            plain = play_scene(built_functions, scene, None)
            faults = [None, *hits(len(plain.operations))[position % step :: step]]
            found.append((scene, {hit: play_scene(built_functions, scene, hit) if hit else plain for hit in faults}))
    return found


def test_no_single_fault_breaks_an_invariant(
    played: list[tuple[Scene, Played]], is_whole: bool, record_property: Callable[[str, object], None]
) -> None:
    """Every job ends as expected, whether one or all attempts of a call fail."""
    breaches = {
        (scene.title, hit): found
        for scene, ends in played
        for hit, end in ends.items()
        if (found := [breach for breach in end.breaches if not _is_late_orphan(hit, breach)])
    }
    assert not breaches
    if is_whole:
        record_property("shown", page(played))


def _is_late_orphan(hit: InjectedFault | None, breach: str) -> bool:
    """Return True for an object that S3 received after the cleanup. A lifecycle rule deletes it."""
    return hit is not None and hit.fault is Fault.OVERDUE and breach.startswith("orphan: ")


def test_no_single_fault_fails_a_good_image(played: list[tuple[Scene, Played]]) -> None:
    """One fault costs only time and attempts: a job that completes without it completes with it."""
    for scene, endings in played:
        if "COMPLETED" in endings[None].text:
            ends = {hit: ending.text for hit, ending in endings.items() if "COMPLETED" not in ending.text}
            # Without a job only if its record was not written; then no client got its ID. A client without an ID
            # sends no bytes.
            assert all(text.startswith(WITHOUT_ID) for text in ends.values()), (scene.title, ends)


def test_the_page_of_faults_is_current(
    played: list[tuple[Scene, Played]], is_whole: bool, request: pytest.FixtureRequest
) -> None:
    """docs/faults.md matches the results."""
    if request.config.getoption("--write-docs"):
        PAGE.write_text(page(played), "utf-8")
    text = PAGE.read_text("utf-8")
    how = "run pytest tests/faults/test_single_faults.py --write-docs"
    if is_whole:
        assert text == page(played), how
    cells = read_cells(text)
    for scene, endings in played:
        for hit, ending in endings.items():
            if hit is not None:
                place = (scene.title, name_row(hit.fault, is_steady=hit.is_steady), hit.number)
                assert cells.get(place, endings[None].text) == ending.text, (place, how)
