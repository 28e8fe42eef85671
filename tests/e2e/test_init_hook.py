"""``safelight init-hook``: the folder deploys a stack to a running engine, as in a container that mounts it."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from support import sample_images
from support.running_stack import Site, process_image

from infra import local_stack
from infra.deployment import cloudformation, recovery
from infra.deployment.packaging import SOURCE_ROOT
from infra.init_hook import export
from infra.sessions import local_clients

#: How LocalStack runs a hook: in its own process, in an empty namespace, in a function whose variable has the path.
AS_LOCALSTACK = """
import sys
def run(path):
    with open(path, "rb") as fd:
        exec(fd.read(), {})
run(sys.argv[1])
"""


@pytest.mark.thorough
def test_a_hook_deploys_safelight(site: Site, tmp_path: Path, engine: str) -> None:
    """Once. After a restart of a container that keeps its state, the hook finds the stack."""
    name = f"hook-{secrets.token_hex(4)}"
    chosen = local_stack.ENGINES[engine]
    given = local_stack.local_parameters() | dict(chosen.parameters()) | {"NamePrefix": name}
    folder = tmp_path / "ready.d"
    export.write_folder(folder, chosen.packages(SOURCE_ROOT), given)
    try:
        first, second = (
            run_hook(site, [sys.executable, *arguments])
            for arguments in ((str(folder / export.LAUNCHER),), ("-c", AS_LOCALSTACK, str(folder / export.LAUNCHER)))
        )
        assert first == second
        process_image(f"{site.stack.endpoint_url}{first}", sample_images.make_jpeg())
    finally:
        recovery.delete_stack(
            cloudformation.Target(local_clients(site.stack.endpoint_url), name, cloudformation.LOCAL_POLLING)
        )


def run_hook(site: Site, command: list[str]) -> str:
    """Return the path of the API that a hook prints."""
    environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": site.stack.endpoint_url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (each for each in done.stdout.splitlines() if each.startswith("Safelight is ready: "))
    return line.split()[-1]
