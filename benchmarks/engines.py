"""Measure how long deploying and updating a stack takes on each available local engine.

Run it with ``make bench``. LocalStack is measured only if LOCALSTACK_ENDPOINT names a running instance or Docker can
start LocalStack. Absolute times depend on the machine, so compare the ratios to the embedded engine.
"""

import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from infra import local_stack
from infra.deployment import packaging
from infra.engines import compose, localstack

IMAGE = Path(__file__).parents[1] / "safelight" / "demo_images" / "astronaut.jpg"


def main() -> None:
    """Measure each engine and print one column per engine."""
    engines = ["embedded"]
    if localstack.find_running() or not compose.find_missing():
        engines.append("localstack")
    columns = {engine: measure_engine(engine) for engine in engines}
    embedded = columns["embedded"]
    print("Deploying a stack, seconds  " + "".join(f"{engine:>22}" for engine in engines))
    for step, reference in embedded.items():
        times = "".join(f"{columns[each][step]:12.2f} ({columns[each][step] / reference:4.1f} ×)" for each in engines)
        print(f"  {step:26}{times}")


def measure_engine(engine: str) -> dict[str, float]:
    """Return the seconds of each step. The time to download wheels is not included."""
    if engine == "localstack":
        localstack.fetch_wheels()
    name = f"bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)

        def up(**parameters: str) -> str:
            return local_stack.up(state, engine, {"NamePrefix": name, **parameters}).api_url

        try:
            return {
                "Lambda packages": measure(lambda: local_stack.ENGINES[engine].packages(packaging.SOURCE_ROOT)),
                "up, first time": measure(up),
                "up and the first image": measure(lambda: process_image(up())),
                "up, no change": measure(up),
                "up, one parameter changed": measure(lambda: up(LinkSeconds="901")),
                "up and another image": measure(lambda: process_image(up(LinkSeconds="901"))),
            }
        finally:
            local_stack.down(state, wipe=True)


def process_image(api_url: str) -> None:
    """Process one image and wait for the result."""
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=20"}
    httpx.post(f"{api_url}/jobs", content=IMAGE.read_bytes(), headers=headers, timeout=60).raise_for_status()


def measure(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
