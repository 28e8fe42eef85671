"""Entry point of the container in docker-compose.yml that deploys to the engine, prints the URLs and stops."""

import os
import sys
import time
from pathlib import Path

import httpx

from infra import local_stack
from infra.deployment import cloudformation, packaging
from infra.engines import localstack
from infra.errors import SetupError
from infra.stack import Stack

HEALTH_PATH = "/_localstack/health"
WAIT_SECONDS = 120
#: Folder where other containers find `stack.json`, if it is mounted.
STATE = Path("/state")


def main() -> int:
    """Deploy to the engine at ENGINE_URL, and print the stack's URLs for clients that use PUBLIC_URL."""
    engine_url, public_url = os.environ["ENGINE_URL"], os.environ["PUBLIC_URL"]
    try:
        stack = deploy_from_container(engine_url, public_url)
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the output is all that a container shows
        return 1
    print(stack.to_json())  # noqa: T201
    print(f"Safelight is up.\n  API  {stack.api_url}\n  UI   {stack.ui_url}")  # noqa: T201
    if STATE.is_dir():
        stack.save(STATE / "stack.json")
    return 0


def deploy_from_container(engine_url: str, public_url: str) -> Stack:
    """Wait for the engine, deploy with full zips and wait for the API. Return the stack with URLs for the host machine.

    Raises SetupError if a step fails.
    """
    wait_for_engine(engine_url)
    given = local_stack.local_parameters() | localstack.get_parameters()
    given |= {"LogLevel": os.environ["LOG_LEVEL"]} if os.environ.get("LOG_LEVEL") else {}
    packages = localstack.build_packages(packaging.SOURCE_ROOT)
    deployed = local_stack.deploy_to_engine(engine_url, local_stack.STACK_NAME, packages, given, report)
    outputs = cloudformation.get_outputs(deployed)
    local_stack.wait_until_healthy(Stack.from_outputs(outputs, engine="localstack", endpoint_url=engine_url).api_url)
    return Stack.from_outputs(outputs, engine="localstack", endpoint_url=public_url)


def wait_for_engine(engine_url: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until the engine is healthy. Raises SetupError if it is not healthy after ``seconds``."""
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while True:
            try:
                if client.get(engine_url + HEALTH_PATH).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError as error:
                last: object = error
            else:
                last = "an answer that is not a health report"
            if time.monotonic() > deadline:
                raise SetupError(f"The engine at {engine_url} is not healthy after {seconds:.0f} s: {last}")
            time.sleep(0.5)


def report(text: str) -> None:
    """Print each step as it begins."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
