"""Prints what it takes to bring a stack up on each local engine that is to be had, and to change it.

Run it with ``make bench``; LocalStack is measured where one runs (LOCALSTACK_ENDPOINT) or Docker can start it.
Absolute times belong to the machine; the ratio to the embedded engine, taken in the same run, can be compared.
"""

import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from infra import local
from infra.deployment import packaging
from infra.engines import compose, localstack

PICTURE = Path(__file__).parents[1] / "safelight" / "demo_images" / "astronaut.jpg"


def main() -> None:
    """Measure and print one column for each engine."""
    engines = ["embedded"]
    if localstack.find() or not compose.missing():
        engines.append("localstack")
    columns = {engine: measured(engine) for engine in engines}
    bare = columns["embedded"]
    print("Bringing a stack up, seconds" + "".join(f"{engine:>22}" for engine in engines))
    for step, reference in bare.items():
        times = "".join(f"{columns[each][step]:12.2f} ({columns[each][step] / reference:4.1f} ×)" for each in engines)
        print(f"  {step:26}{times}")


def measured(engine: str) -> dict[str, float]:
    """Return the time of each step, in seconds. Wheels are fetched before."""
    if engine == "localstack":
        localstack.fetch()
    name = f"bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)

        def up(**parameters: str) -> str:
            return local.up(state, engine, {"NamePrefix": name, **parameters}).api_url

        try:
            return {
                "zips": seconds(lambda: local.ENGINES[engine].packages(packaging.SOURCE)),
                "up, nothing there": seconds(up),
                "up and the first picture": seconds(lambda: waited(up())),
                "up, nothing to do": seconds(up),
                "up, one parameter changed": seconds(lambda: up(LinkSeconds="901")),
                "up and one more picture": seconds(lambda: waited(up(LinkSeconds="901"))),
            }
        finally:
            local.down(state, wipe=True)


def waited(api_url: str) -> None:
    """Have one image processed and wait for it."""
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=20"}
    httpx.post(f"{api_url}/jobs", content=PICTURE.read_bytes(), headers=headers, timeout=60).raise_for_status()


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
