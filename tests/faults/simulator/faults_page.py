"""The page ``docs/faults.md``: the result of every fault at every step, written by the test that runs them."""

from collections.abc import Mapping, Sequence

from faults.simulator.faults import Fault
from faults.simulator.single_faults import STEADY, InjectedFault, Scene, SceneResult

#: The endings of one scene; None is without a fault.
Played = Mapping[InjectedFault | None, SceneResult]

HEAD = """# Results of single faults

Each table shows one path. A row is a fault, a column is an AWS call, and a cell is the result. The real functions run
on in-memory doubles with no other fault. `pytest tests/faults/test_single_faults.py --write-docs` writes this page, and
the same test checks it. All results keep the [invariants](reliability.md#invariants).

A cell has the status of the job, the number of attempts if there is more than one, and the time since the start of
the affected invocation. A `slow` response takes longer than the timeout of the function. A fault `three times` hits
botocore's retries too.
"""


def page(played: Sequence[tuple[Scene, Played]]) -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(scene, endings) for scene, endings in played)])


def _section(scene: Scene, endings: Played) -> str:
    plain = endings[None]
    columns = _columns(endings)
    heads = [f"{number} {plain.operations[number - 1]}" for number in columns]
    lines = [
        f"## {scene.title}",
        "",
        f"{scene.about} Without a fault: **{plain.text}**.",
        "",
        f"| Fault | {' | '.join(heads)} |",
        f"| --- |{' --- |' * len(heads)}",
    ]
    for fault, is_steady in [*((fault, False) for fault in Fault), *((fault, True) for fault in STEADY)]:
        cells = [endings[InjectedFault(number, fault, is_steady)].text for number in columns]
        name = f"{fault}, three times" if is_steady else str(fault)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _columns(endings: Played) -> list[int]:
    """Return the calls to show, without the last ones at which no fault changes anything."""
    plain = endings[None]
    matter = [hit.number for hit, ending in endings.items() if hit is not None and ending.text != plain.text]
    return list(range(1, max(matter, default=len(plain.operations)) + 1))
