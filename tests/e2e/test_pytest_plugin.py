"""The fixtures for the tests of our users, in a project of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.cli.demo import IMAGES_FOLDER

#: The test file in docs/test-your-code.md.
FIVE_LINES = """
def test_thumbnail(safelight_stack):
    job = safelight_stack.process("photo.jpg", width=300, format="webp")
    output = job.result.outputs[0]
    assert (output.width, output.height, output.format) == (300, 300, "WEBP")
"""
MORE = """
import os, subprocess, sys
import api

def test_own_packages_are_not_replaced():
    assert api.MINE

def test_parameters_and_other_processes(safelight_stack, safelight_client):
    assert safelight_client.api_url == safelight_stack.api_url
    command = [sys.executable, "-m", "safelight", "list", "--json"]
    done = subprocess.run(command, env=os.environ | safelight_stack.environment, capture_output=True, text=True)
    assert done.returncode == 0 and "photo.jpg" in done.stdout, done.stderr

def test_results_are_read(safelight_stack):
    job = safelight_stack.process("photo.jpg", preset="thumbnail")
    assert len(safelight_stack.read_result(job)) == job.result.outputs[0].size
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an image and a package whose name Safelight also uses."""
    shutil.copy(IMAGES_FOLDER / "astronaut.jpg", tmp_path / "photo.jpg")
    (tmp_path / "api.py").write_text("MINE = True\n")
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder in another process, without the settings of this suite."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)


def test_image_is_processed_on_a_stack_of_the_session(project: Path) -> None:
    """One stack for all tests. Afterwards neither a process nor data is left."""
    (project / "test_five_lines.py").write_text(FIVE_LINES)
    (project / "test_more.py").write_text(MORE)
    done = run_pytest(project, f"--basetemp={project / 'tmp'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    assert [path for path in (project / "tmp").rglob("*") if path.is_file()] == []


@pytest.mark.thorough
def test_wrong_parameter_is_reported(project: Path) -> None:
    """The fixture shows what the command says, and leaves nothing behind."""
    (project / "test_five_lines.py").write_text(FIVE_LINES)
    (project / "pytest.ini").write_text("[pytest]\nsafelight_parameters = NoSuch=1\n")
    done = run_pytest(project)
    assert done.returncode == 1
    assert "The template has no parameter NoSuch" in done.stdout
