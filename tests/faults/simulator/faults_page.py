"""Write ``docs/faults.md``, which shows the result of every fault at every AWS call of the scenes."""

from collections.abc import Mapping, Sequence

from faults.simulator.faults import Fault
from faults.simulator.single_faults import STEADY, InjectedFault, Scene, SceneResult

#: The results of one scene, by injected fault. The key None has the result without a fault.
Played = Mapping[InjectedFault | None, SceneResult]

HEAD = """# Results of single faults

Each table shows one path. A row is a fault, a column is an AWS call of the path, and a cell is the result of this fault
at this call. The last calls of a path have no column if no fault at them changes the result. There is no table for the
notifier and webhooks. `pytest tests/faults/test_single_faults.py --write-docs` writes this page. The same tests check
the page, and that all runs keep the [invariants](reliability.md#invariants).

The code of the functions runs on in-memory doubles of AWS and of image processing. "Submit an image" and all requests
about existing jobs, batches and uploads in parts (cancel, retry, delete, redrive, backfill, complete, abort) include
the HTTP layer of the API. A client repeats such a request, with the same `Idempotency-Key`, if it gets no response or a
5xx response. The repetition must get a 2xx response.

A cell has the status of the HTTP response (for the API), the status of the job, the number of attempts unless it is 1,
and the time from the start of the affected invocation to the end of the job. `at once` is less than 10 s. A `slow`
response takes longer than the timeout of the function; error responses are never slow. A fault `three times` hits the
call and both retries by botocore. `done in part` affects only calls for several objects or items: the response says
that the first one was left out.
"""


def page(played: Sequence[tuple[Scene, Played]]) -> str:
    """Return the text of the page for the given scenes and their results."""
    return "\n".join([HEAD, *(_section(scene, endings) for scene, endings in played)])


def name_row(fault: Fault, *, is_steady: bool) -> str:
    """Return the name of a row."""
    return f"{fault}, three times" if is_steady else str(fault)


def read_cells(text: str) -> dict[tuple[str, str, int], str]:
    """Return the cells of a page by scene, row and number of the call."""
    cells: dict[tuple[str, str, int], str] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| Fault |", "| --- |")):
            name, *found = line.removeprefix("| ").removesuffix(" |").split(" | ")
            cells |= {(title, name, number): cell for number, cell in enumerate(found, 1)}
    return cells


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
        lines.append(f"| {name_row(fault, is_steady=is_steady)} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _columns(endings: Played) -> list[int]:
    """Return the numbers of the calls to show: all up to the last call at which a fault changes the result."""
    plain = endings[None]
    matter = [hit.number for hit, ending in endings.items() if hit is not None and ending.text != plain.text]
    return list(range(1, max(matter, default=len(plain.operations)) + 1))
