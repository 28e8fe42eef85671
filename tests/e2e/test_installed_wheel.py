"""The wheel in a clean environment without a checkout: commands, the tests of a user, and the GitHub action."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from infra.deployment import packaging

ROOT = packaging.SOURCE_ROOT
ACTION = ROOT / ".github" / "actions" / "safelight" / "action.yml"
TEST = """
def test_thumbnail(safelight_stack):
    job = safelight_stack.process("photo.jpg", width=300, format="webp")
    output = job.result.outputs[0]
    assert (output.width, output.height, output.format) == (300, 300, "WEBP")
"""

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.not_on("localstack", reason="the wheel is the same on each engine"),
]


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel, and an empty folder."""

    package: str
    bin: Path
    folder: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the folder, and return what it printed."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HOME", "LANG"))}
        environment = {**kept, "PATH": f"{self.bin}:/usr/bin:/bin", **variables}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Build the wheel and install it with the extra `local`, and pytest."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    (folder / "empty").mkdir()
    installed = Installation(f"{wheel}[local]", folder / "venv" / "bin", folder / "empty")
    done = installed.run("python", "-m", "pip", "install", "--quiet", installed.package, "pytest")
    assert done.returncode == 0, done.stderr
    yield installed
    installed.run("safelight", "down", "--wipe")


def test_commands_work_without_a_checkout(installation: Installation) -> None:
    """The demo, then the commands for its jobs and its stack. A deployment fails only because there are no keys."""
    demo = installation.run("safelight", "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    listed = installation.run("safelight", "list", "--status", "completed")
    assert listed.returncode == 0, listed.stderr
    job_id = listed.stdout.split("\t")[0]
    for command in (("verify", job_id), ("doctor",), ("up", "--json"), ("down",)):
        done = installation.run("safelight", *command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    deployed = installation.run("safelight", "deploy", "--yes", AWS_EC2_METADATA_DISABLED="true")
    assert (deployed.returncode, deployed.stdout) == (2, "")
    assert "No region is set" in deployed.stderr


def test_tests_of_a_user_run(installation: Installation) -> None:
    """A test file of five lines, in a folder with nothing else than an image."""
    shutil.copy(ROOT / "safelight" / "demo_images" / "astronaut.jpg", installation.folder / "photo.jpg")
    (installation.folder / "test_thumbnail.py").write_text(TEST)
    done = installation.run("pytest", "-q", "test_thumbnail.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_github_action_starts_a_stack(installation: Installation) -> None:
    """The steps run as GitHub runs them. Later steps have the addresses and the parameters apply."""
    folder = installation.folder
    install, start = yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]
    files = {name: str(folder / name.lower()) for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
    variables = {**files, "RUNNER_TEMP": str(folder), "SAFELIGHT_STATE_DIR": str(folder / "action")}
    try:
        for step in (install, start):
            done = installation.run(
                *("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]),
                **variables,
                PACKAGE=installation.package,
                PARAMETERS="LinkSeconds=61\n\nLogLevel=DEBUG\n",
            )
            assert done.returncode == 0, done.stdout + done.stderr
        later = dict(line.split("=", 1) for line in (folder / "github_env").read_text().splitlines())
        assert (folder / "github_output").read_text().splitlines()[0] == f"api-url={later['SAFELIGHT_API_URL']}"
        assert installation.run("safelight", "list", **later).returncode == 0
        assert "LinkSeconds" in (folder / "action" / "parameters.json").read_text()
    finally:
        installation.run("safelight", "down", "--wipe", SAFELIGHT_STATE_DIR=str(folder / "action"))
