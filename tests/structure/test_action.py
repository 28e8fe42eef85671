"""The GitHub action for users: its steps run as on GitHub, with a double of the ``safelight`` command."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / ".github" / "actions" / "safelight" / "action.yml").read_text("utf-8")
)
API, ENDPOINT = "http://127.0.0.1:4566/_aws/execute-api/0123abcd/prod/v1", "http://127.0.0.1:4566"
#: Writes its arguments and a line per variable, and prints what `safelight up --json` prints.
DOUBLE = f"""#!/bin/sh
printf '%s\\n' "$@" >> arguments
echo "$SAFELIGHT_STATE_DIR" > state_dir
echo '{{"api_url": "{API}", "endpoint_url": "{ENDPOINT}"}}'
"""


def run_steps(folder: Path, **given: str) -> dict[str, str]:
    """Run the steps with ``bash -e -o pipefail`` in a folder. Return the outputs of the action."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {
        "safelight": DOUBLE,
        "python": f'#!/bin/sh\n[ "$2" = pip ] || exec "{sys.executable}" "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    inputs = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()} | given
    files = {name: str(folder / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
    environment = {**files, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "RUNNER_TEMP": str(folder)}
    outputs: dict[str, dict[str, str]] = {}
    for step in ACTION["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input in a script could contain commands"
        own = {name: expand(text, inputs, folder) for name, text in step.get("env", {}).items()}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=folder, env=environment | own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs[step.get("id", "")] = read_variables(folder / "GITHUB_OUTPUT")
        environment |= read_variables(folder / "GITHUB_ENV")
    return {
        name: re.sub(
            r"\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}", lambda match: outputs[match[1]][match[2]], each["value"]
        )
        for name, each in ACTION["outputs"].items()
    }


def expand(text: str, inputs: dict[str, str], folder: Path) -> str:
    """Return a text with the values of its expressions."""
    values = {f"inputs.{name}": value for name, value in inputs.items()} | {"runner.temp": str(folder)}
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: values[match[1]], text)


def read_variables(path: Path) -> dict[str, str]:
    """Return the variables that the steps have written to a file of the runner."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", []),
        ("RetentionDays=1", ["--parameter", "RetentionDays=1"]),
        ("RetentionDays=1\nUiOrigins=a b\n\n", ["--parameter", "RetentionDays=1", "--parameter", "UiOrigins=a b"]),
        ("NamePrefix=$(exit 1)", ["--parameter", "NamePrefix=$(exit 1)"]),
    ],
)
def test_later_steps_get_the_addresses(parameters: str, expected: list[str], tmp_path: Path) -> None:
    """As outputs and as variables, also of the folder with which `safelight down` finds the stack."""
    assert run_steps(tmp_path, parameters=parameters) == {"api-url": API, "endpoint-url": ENDPOINT}
    assert (tmp_path / "arguments").read_text().splitlines() == ["up", "--json", *expected]
    variables = read_variables(tmp_path / "GITHUB_ENV")
    assert variables["SAFELIGHT_API_URL"] == API
    assert variables["AWS_ENDPOINT_URL"] == ENDPOINT
    assert variables["SAFELIGHT_STATE_DIR"] == (tmp_path / "state_dir").read_text().strip()
