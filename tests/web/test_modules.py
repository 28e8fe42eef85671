"""Types, lint, format and unit tests of the web page's modules, run by Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.web_sizes import list_cases

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
BIN = FOLDER / "node_modules" / ".bin"
MODULES = ("web/app/**/*.js", "!web/app/vendor/**", "tests/web/*.js", "tests/web/types/globals.d.ts")


@pytest.fixture(autouse=True)
def _require_tools() -> None:
    if shutil.which("node") is None or not BIN.exists():
        assert not os.environ.get("CI"), "Node.js is missing, or `make` to install the tools of tests/web"
        pytest.skip("the tools of tests/web are not installed: they need Node.js")


def test_types_are_correct() -> None:
    """The types of the API come from docs/openapi.json."""
    run("npm", "run", "--silent", "types", cwd=FOLDER)
    run(BIN / "tsc", "--project", ".", cwd=FOLDER)


def test_lint_finds_nothing() -> None:
    """The rules are in eslint.config.js."""
    run(BIN / "eslint", "--config", FOLDER / "eslint.config.js", "web/app")


def test_modules_are_formatted() -> None:
    """`prettier --write` with the same arguments formats them."""
    run(BIN / "prettier", "--config", FOLDER / ".prettierrc.json", "--check", *MODULES)


def test_pure_modules(tmp_path: Path) -> None:
    """The tests in this folder, which need no browser. They compare sizes with those that the worker computes."""
    sizes = tmp_path / "sizes.json"
    sizes.write_text(json.dumps(list_cases()), "utf-8")
    report = run("node", "--test", "--test-reporter", "tap", cwd=FOLDER, SIZES=str(sizes))
    assert "# fail 0\n" in report
    assert "# skipped 0\n" in report


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command that must succeed. Return its output."""
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
