"""The Lambda zips."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra.deployment import bytecode, packaging, wheels
from infra.errors import SetupError

HANDLERS = {
    "api": ("api.app",),
    "worker": ("worker.app", "worker.dead_letters"),
    "notifier": ("notifier.app", "notifier.webhooks"),
}
CACHE = packaging.SOURCE_ROOT / "build" / "wheels"
ENVIRONMENT_OF_A_FUNCTION = {
    "AWS_CALL_SECONDS": "5",
    "API_PATH_PREFIX": "/prod",
    "AWS_DEFAULT_REGION": "us-east-1",
    "BULK_QUEUE_URL": "https://sqs.invalid/bulk",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-letters",
    "HEIF_INPUT": "on",
    "IMAGE_BUCKET": "bucket",
    "JOB_QUEUE_URL": "https://sqs.invalid/jobs",
    "JOB_TABLE": "table",
    "LEASE_SECONDS": "60",
    "LINK_SECONDS": "900",
    "LISTING_SHARDS": "4",
    "MAX_PIXELS": "1",
    "MAX_RAW_BYTES": "1",
    "MAX_FRAMES": "1",
    "MAX_SIDE": "1",
    "MAX_TOTAL_PIXELS": "1",
    "PUBLIC_ENDPOINT_URL": "",
    "RECORD_SECONDS": "20",
    "REDISPATCH_SECONDS": "900",
    "RETENTION_DAYS": "30",
}
IMPORT = """
import importlib, json, sys
folder, *modules = sys.argv[1:]
sys.path[:] = [folder] + [each for each in sys.path if "site-packages" not in each]
print(json.dumps([hasattr(importlib.import_module(each), "handler") for each in modules]))
"""


def names(package: packaging.Package) -> list[str]:
    """Return the names in a zip."""
    return zipfile.ZipFile(io.BytesIO(package.data)).namelist()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with all packages and with caches."""
    for room in ("api", "worker", "notifier", "shared", "safelight", "infra"):
        (tmp_path / room / "__pycache__").mkdir(parents=True)
        (tmp_path / room / "__init__.py").write_text(f"# {room}\n")
        (tmp_path / room / "__pycache__" / "__init__.cpython-313.pyc").write_bytes(b"x")
    return tmp_path


def test_same_content_gives_same_bytes(source: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Times, modes and folders of files do not change the zip."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(source, copy, dirs_exist_ok=True)
    for path in copy.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o755)
    assert packaging.build_slim(copy) == packaging.build_slim(source)


def test_new_content_gives_a_new_key(source: Path) -> None:
    """The other zip keeps its key."""
    before = packaging.build_slim(source)
    (source / "api" / "__init__.py").write_text("# changed\n")
    after = packaging.build_slim(source)
    assert after["api"].key != before["api"].key
    assert after["worker"].key == before["worker"].key


def test_slim_zips_have_only_the_function_s_packages(source: Path) -> None:
    """Its own package and the shared one, without caches."""
    assert {name: names(package) for name, package in packaging.build_slim(source).items()} == {
        "api": ["api/__init__.py", "shared/__init__.py"],
        "worker": ["shared/__init__.py", "worker/__init__.py"],
        "notifier": ["notifier/__init__.py", "shared/__init__.py"],
    }


def test_the_zips_contain_the_handlers() -> None:
    """Every handler of the template is in its zip."""
    for name, package in packaging.build_slim().items():
        assert {f"{module.replace('.', '/')}.py" for module in HANDLERS[name]} <= set(names(package))


def test_markers_are_evaluated_for_lambda() -> None:
    """Pins for Windows or an old Python are left out; hashes stay with their pins."""
    pins = (
        "colorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:aa\n"
        "# a comment\n"
        "new==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
        "old==3 ; python_version < '3.13' \\\n    --hash=sha256:dd\n"
        "arm==4 ; platform_machine == 'aarch64' \\\n    --hash=sha256:ee\n"
        "plain==5 \\\n    --hash=sha256:ff\n"
    )
    kept = wheels.select_for_lambda(pins, "x86_64").splitlines()
    assert [line.split()[0] for line in kept] == ["new==2", "plain==5"]
    assert kept[0].count("--hash=") == 2
    assert "arm==4" in wheels.select_for_lambda(pins, "arm64")


def test_unneeded_files_are_left_out(tmp_path: Path) -> None:
    """Unused service models, tests and scripts are left out; versions and licenses are kept."""
    for name in (
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/endpoints.json",
        "botocore/tests/test_x.py",
        "bin/jp.py",
        "pydantic-2.dist-info/METADATA",
        "pydantic-2.dist-info/licenses/LICENSE",
        "pydantic-2.dist-info/RECORD",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert sorted(name for name, _ in wheels.select_files(tmp_path)) == [
        "botocore/data/endpoints.json",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "pydantic-2.dist-info/METADATA",
        "pydantic-2.dist-info/licenses/LICENSE",
    ]


def test_missing_requirements_are_named(tmp_path: Path) -> None:
    """Without the pinned requirements, the error names the file."""
    with pytest.raises(SetupError, match=r"api\.txt is missing"):
        wheels.build_full(tmp_path / "cache", source=tmp_path)


@pytest.fixture(scope="module")
def full() -> dict[str, packaging.Package]:
    """Return the packages for AWS, built once."""
    return wheels.build_full(CACHE)


@pytest.mark.thorough  # tests/lambda_box runs these packages too
@pytest.mark.parametrize("name", HANDLERS)
def test_full_zips_run_on_the_runtime(name: str, full: dict[str, packaging.Package], tmp_path: Path) -> None:
    """With only the unpacked zip, Lambda's Python imports every handler in it."""
    python = bytecode.find_python(wheels.PYTHON_VERSION)
    if python is None:
        pytest.skip(f"no python{wheels.PYTHON_VERSION} on this machine")
    package = full[name]
    zipfile.ZipFile(io.BytesIO(package.data)).extractall(tmp_path / "code")
    done = subprocess.run(
        [python, "-I", "-B", "-c", IMPORT, str(tmp_path / "code"), *HANDLERS[name]],
        env=ENVIRONMENT_OF_A_FUNCTION,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True] * len(HANDLERS[name])
    assert not [each for each in names(package) if each.startswith(("safelight/", "infra/", "tests/"))]
    assert len(package.data) < 24 * 1024 * 1024
