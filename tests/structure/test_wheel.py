"""The wheel: one top-level package, which carries everything that a local stack and a deployment need."""

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from infra.deployment import packaging

ROOT = packaging.SOURCE_ROOT
STACK = "safelight/_stack/"
#: Build tools, which an installed wheel does not need.
BUILD_TOOLS = {"hatchling"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build the wheel of this checkout and open it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def list_files(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, relative to the checkout."""
    return {f"{folder}/{name}" for name, _ in packaging.walk_files(ROOT / folder)}


def test_the_only_top_level_package_is_safelight(wheel: zipfile.ZipFile) -> None:
    """Names such as `api` and `shared` stay free for the user's own packages."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"safelight"}


def test_the_wheel_carries_the_stack(wheel: zipfile.ZipFile) -> None:
    """Code of the functions, template, local engines, web page and pinned packages: all files, and no others."""
    found = {name.removeprefix(STACK): wheel.read(name) for name in wheel.namelist() if name.startswith(STACK)}
    functions = {name for function in packaging.FUNCTION_PACKAGES for name in packaging.find_own_code(function)}
    pins = {f"requirements/{name}.txt" for name in packaging.FUNCTION_PACKAGES}
    assert found.keys() == functions | list_files("infra") | list_files("web") | pins
    assert {name for name, data in found.items() if data != (ROOT / name).read_bytes()} == set()


def test_the_wheel_carries_the_client_and_the_demo(wheel: zipfile.ZipFile) -> None:
    """All files of the package, with the marker for type checkers and the images."""
    expected = list_files("safelight")
    assert {"safelight/py.typed", "safelight/demo_images/astronaut.jpg"} <= expected
    assert {name for name in wheel.namelist() if name.startswith("safelight/") and STACK not in name} == expected


def test_the_command_finds_the_stack_in_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Even in a folder with other packages of these names. The Lambda packages equal those of the checkout."""
    wheel.extractall(tmp_path / "site")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise SystemExit('the user's own package')")
    code = (
        "from safelight.cli.command_group import HAS_STACK\n"
        "from infra.deployment import packaging, template\n"
        "import shared.version, worker.receipt_check\n"
        "print(HAS_STACK, template.TEMPLATE, packaging.CACHE_ROOT, shared.version.__file__)\n"
        "print(*(package.key for package in packaging.build_slim().values()))"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    places, keys = done.stdout.splitlines()
    stack = tmp_path / "site" / STACK
    assert places == f"True {stack}/infra/template.yaml {tmp_path}/cache/safelight {stack}/shared/version.py"
    assert keys.split() == [package.key for package in packaging.build_slim().values()]


def test_the_client_does_not_show_the_stack(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """A program that imports the client keeps its own `shared` and `api`."""
    wheel.extractall(tmp_path)
    code = "import safelight, sys; safelight.Safelight('http://127.0.0.1:1/v1').close(); print(*sys.path, sep='\\n')"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert str(tmp_path) in done.stdout.splitlines()
    assert "_stack" not in done.stdout


def test_the_extra_local_equals_the_group() -> None:
    """`pip install "safelight[local]"` installs the group `local`, without build tools and the client's packages."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups, client = project["dependency-groups"], project["project"]["dependencies"]

    def flatten(name: str) -> set[str]:
        nested = [flatten(each["include-group"]) for each in groups[name] if isinstance(each, dict)]
        return {each for each in groups[name] if isinstance(each, str)}.union(*nested)

    names = {Requirement(each).name for each in client} | BUILD_TOOLS
    expected = {each for each in flatten("local") if Requirement(each).name not in names}
    assert set(project["project"]["optional-dependencies"]["local"]) == expected
