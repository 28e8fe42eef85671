"""docs/openapi.json suits code generators and linters: each generated client runs a job on a stack."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from support import sample_images
from support.running_stack import Site

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "generators"
BIN = FOLDER / "node_modules" / ".bin"
PYTHON = ROOT / ".venv-generators" / "bin"
OPENAPI = ROOT / "docs" / "openapi.json"
#: Lines of a generator's output that report a problem. Node's own notes about its version don't count.
PROBLEM = re.compile(r"warning|error|⚠|unsupported|skipping|failed", re.IGNORECASE)
#: Command of each generator of TypeScript. OUTPUT is the folder of its files.
GENERATORS: Mapping[str, tuple[str, ...]] = {
    "hey-api": ("openapi-ts", "-i", str(OPENAPI), "-o", "OUTPUT", "-c", "@hey-api/client-fetch"),
    "orval": ("orval", "--config", "orval.config.cjs"),
    "openapi-typescript": ("openapi-typescript", str(OPENAPI), "-o", "OUTPUT/schema.d.ts"),
}

pytestmark = pytest.mark.thorough
Shown = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def tools() -> None:
    """Skip the tests if the generators are not installed."""
    if not (BIN / "orval").exists() or not (PYTHON / "openapi-python-client").exists():
        assert not os.environ.get("CI"), "run make test-all, which installs the generators; they need Node.js"
        pytest.skip("the generators are not installed: they need Node.js")


def run(*command: str | Path, folder: Path = FOLDER, **environment: str) -> str:
    """Return the output of a command. Fail the test if the command fails."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def require_clean(output: str) -> None:
    """Fail the test if a generator reported a problem."""
    assert not [line for line in output.splitlines() if PROBLEM.search(line)], output[-4000:]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return the path of a JPEG file."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(sample_images.make_jpeg())
    return path


def check_result(output: str) -> None:
    """Check the last line of a client's output: a completed job, and the link to its image."""
    result = json.loads(output.strip().splitlines()[-1])
    assert (result["job"]["status"], result["job"]["done"]) == ("COMPLETED", True)
    data = httpx.get(result["link"]["url"], timeout=300).raise_for_status().content
    assert (data[8:12], len(data)) == (b"WEBP", result["link"]["size"])


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generated_typescript_client_runs_a_job(
    site: Site, image: Path, tmp_path: Path, generator: str, record_property: Shown
) -> None:
    """The generator reports nothing, the client compiles in strict mode, and it runs a job."""
    base_url = site.stack.api_url.removesuffix("/v1")
    output = tmp_path / "generated"
    output.mkdir()
    name, *options = (each.replace("OUTPUT", str(output)) for each in GENERATORS[generator])
    require_clean(run(BIN / name, *options, OPENAPI=str(OPENAPI), OUTPUT=str(output), BASE_URL=base_url))
    shutil.copy(FOLDER / "runners" / f"{generator}.ts", tmp_path / "runner.ts")
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copy(FOLDER / "tsconfig.json", tmp_path)
    run(BIN / "tsc", "--project", ".", folder=tmp_path)
    bundle = ("runner.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=runner.mjs", "--log-level=warning")
    require_clean(run(BIN / "esbuild", *bundle, folder=tmp_path))
    check_result(run("node", "runner.mjs", base_url, image, folder=tmp_path))
    record_property("shown", f"{generator}: 0 errors, 0 warnings, a job ran")


def test_a_generated_python_client_runs_jobs(site: Site, image: Path, tmp_path: Path, record_property: Shown) -> None:
    """From raw bytes, a form and JSON."""
    generator = PYTHON / "openapi-python-client"
    path = f"{PYTHON}{os.pathsep}{os.environ['PATH']}"
    command = (generator, "generate", "--path", OPENAPI, "--output-path", "generated", "--fail-on-warning")
    require_clean(run(*command, folder=tmp_path, PATH=path))
    script = FOLDER / "runners" / "python_client.py"
    base_url = site.stack.api_url.removesuffix("/v1")
    check_result(run(PYTHON / "python", script, base_url, image, PYTHONPATH=str(tmp_path / "generated")))
    record_property("shown", "openapi-python-client: 0 errors, 0 warnings, 3 jobs ran")


def test_spectral_reports_nothing(record_property: Shown) -> None:
    """With all rules of spectral:oas, at every severity."""
    found = json.loads(
        run(BIN / "spectral", "lint", OPENAPI, "--ruleset", "spectral.yaml", "-F", "hint", "-f", "json", "--quiet")
    )
    assert found == []
    record_property("shown", "spectral (spectral:oas): 0 errors, 0 warnings")


def test_redocly_reports_nothing(record_property: Shown) -> None:
    """With the recommended rules."""
    output = run(BIN / "redocly", "lint", OPENAPI, "--config", "redocly.yaml", "--format", "json")
    totals = json.loads(output[output.index("{") : output.rindex("}") + 1])["totals"]
    assert totals == {"errors": 0, "warnings": 0, "ignored": 0}
    record_property("shown", "redocly (recommended): 0 errors, 0 warnings")
