"""``docs/faults.md``: every fault, every step, what becomes of the job. Written by the test that plays them."""

from collections.abc import Mapping, Sequence

from faults.simulator.faults import Fault
from faults.simulator.single import STEADY, Ending, Hit, Scene

#: The endings of one scene; None is the one without a fault.
Played = Mapping[Hit | None, Ending]

HEAD = """# What becomes of a job when one thing fails

Every fault at every AWS call of each path, played with the real functions on in-memory doubles of the services, a
fast clock and no other fault. This page is written by `pytest tests/faults/test_single_faults.py --write-docs`, and
the same test fails when it is no longer true. All of these endings keep the invariants, which
[reliability.md](reliability.md#how-it-is-tested) lists; it also tells how faults are searched that come together.

A cell says how the job ended, after how many attempts where more than one began, and when, counted from the start
of the invocation that is hit. A `slow` answer takes longer than the function may run. A fault that comes `three
times` meets botocore's own tries as well, so that the call fails for good.
"""


def page(played: Sequence[tuple[Scene, Played]]) -> str:
    """Write the page."""
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
        cells = [endings[Hit(number, fault, is_steady)].text for number in columns]
        name = f"{fault}, three times" if is_steady else str(fault)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _columns(endings: Played) -> list[int]:
    """Return the calls worth showing: the last ones, at which no fault changes anything for this job, are left out."""
    plain = endings[None]
    matter = [hit.number for hit, ending in endings.items() if hit is not None and ending.text != plain.text]
    return list(range(1, max(matter, default=len(plain.operations)) + 1))
