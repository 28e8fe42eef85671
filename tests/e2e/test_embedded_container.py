"""The process of the container in which the embedded engine runs, without Docker."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import sample_images
from support.running_stack import process_image

from infra import local_stack
from infra.engines import embedded, launch
from infra.engines.record import EnginePaths, EngineRecord

ENTRY = (sys.executable, "-m", "infra.embedded_container")


@pytest.mark.thorough
def test_the_container_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """It prints the path of the API, is healthy, processes an image, and keeps its data for the next start."""
    # A port of its own, because that of the container may be in use here.
    EngineRecord(launch.find_free_port()).save(EnginePaths.below(tmp_path).record)
    environment = os.environ | {"SAFELIGHT_STATE_DIR": str(tmp_path), "SAFELIGHT_PARAMETERS": "LinkSeconds=60"}
    assert subprocess.run([*ENTRY, "health"], env=environment, capture_output=True, check=False).returncode == 1
    with subprocess.Popen(ENTRY, env=environment, stdout=subprocess.PIPE, text=True) as container:
        try:
            assert container.stdout is not None
            path = next(line.split()[-1] for line in container.stdout if line.startswith("Safelight is ready: "))
            stack = local_stack.read_current_stack(tmp_path)
            assert stack is not None
            assert stack.api_url == f"{stack.endpoint_url}{path}"
            assert subprocess.run([*ENTRY, "health"], env=environment, check=False).returncode == 0
            process_image(stack.api_url, sample_images.make_jpeg())
        finally:
            container.send_signal(signal.SIGTERM)
    try:
        assert container.returncode == 0
        assert not embedded.is_running(tmp_path)
    finally:
        local_stack.down(tmp_path, wipe=True)
