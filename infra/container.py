"""What the one-shot container of docker-compose.yml does: deploy to the engine beside it, and print the addresses."""

import os
import sys
import time
from pathlib import Path

import httpx

from infra import local
from infra.deployment import packaging, watch
from infra.engines import localstack
from infra.faults import SetupFault
from infra.stack import Stack

HEALTH_PATH = "/_localstack/health"
WAIT_SECONDS = 120
#: Where `stack.json` is left for other containers, if such a folder is mounted.
STATE = Path("/state")


def main() -> int:
    """Deploy to ENGINE_URL; print what a client on the host uses, which reaches it at PUBLIC_URL."""
    engine_url, public_url = os.environ["ENGINE_URL"], os.environ["PUBLIC_URL"]
    try:
        stack = deploy_beside(engine_url, public_url)
    except SetupFault as fault:
        print(fault, file=sys.stderr)  # noqa: T201 - a container speaks by its output
        return 1
    print(stack.to_json())  # noqa: T201
    print(f"Safelight is up.\n  API  {stack.api_url}\n  UI   {stack.ui_url}")  # noqa: T201
    if STATE.is_dir():
        stack.save(STATE / "stack.json")
    return 0


def deploy_beside(engine_url: str, public_url: str) -> Stack:
    """Wait for the engine, deploy with full zips, wait for the API; return where the host finds it.

    Raises SetupFault.
    """
    await_engine(engine_url)
    given = local.local_parameters() | localstack.parameters()
    given |= {"LogLevel": os.environ["LOG_LEVEL"]} if os.environ.get("LOG_LEVEL") else {}
    deployed = local.deploy_on(engine_url, local.STACK_NAME, localstack.packages(packaging.SOURCE), given, report)
    outputs = watch.outputs(deployed)
    local.await_health(Stack.from_outputs(outputs, engine="localstack", endpoint_url=engine_url).api_url)
    return Stack.from_outputs(outputs, engine="localstack", endpoint_url=public_url)


def await_engine(engine_url: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until the engine answers. Raises SetupFault after ``seconds``."""
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while True:
            try:
                if client.get(engine_url + HEALTH_PATH).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError as error:
                last: object = error
            else:
                last = "an answer that is no health report"
            if time.monotonic() > deadline:
                raise SetupFault(f"The engine at {engine_url} is not healthy after {seconds:.0f} s: {last}")
            time.sleep(0.5)


def report(text: str) -> None:
    """Say each step at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
