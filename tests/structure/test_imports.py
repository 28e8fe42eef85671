"""The layout: directions of imports, cycles, names and sizes of folders."""

import re
import tomllib
from pathlib import Path

import pytest
from support.import_graph import (
    LAYERS,
    MOST_MODULES,
    PRODUCT,
    ROOT,
    find_cycle,
    imported_names,
    read_graph,
)

#: What a package never imports; docs/architecture.md shows the directions.
FORBIDDEN = {
    "shared": {"api", "worker", "notifier", "safelight", "infra"},
    "api": {"worker", "notifier", "safelight", "infra", "PIL"},
    "worker": {"api", "notifier", "safelight", "infra"},
    "notifier": {"api", "worker", "safelight", "infra", "PIL"},
    "safelight": {"api", "worker", "notifier", "shared", "infra", "boto3", "botocore", "PIL", "aws_lambda_powertools"},
    "infra": {"api", "worker", "notifier", "safelight", "PIL"},
}
#: The composition root of the command: it alone connects the client with the tooling and the worker's code.
COMMAND_ROOT = "safelight/cli/app.py"
#: Libraries that only these folders import.
ONLY_IN = {
    "PIL": ("worker/imaging/",),
    "boto3": ("shared/aws/", "infra/"),
    "botocore": ("shared/aws/", "infra/"),
}
#: Where the environment is read and AWS clients are made.
COMPOSITION_ROOTS = (
    *("api/dependencies.py", "worker/app.py", "worker/uploads.py", "worker/dead_letters.py", "worker/reconciler.py"),
    *("api/app.py", "api/walker.py"),
    "notifier/app.py",
    "notifier/webhooks.py",
)
#: Modules whose name ends in "ing" because the field calls the thing so.
GERUNDS = {
    "imaging",
    "scaling",
    "packaging",
    "signing",
    "rendering",
    "polling",
    "wiring",
    "testing",  # as in numpy.testing
    "timing",
    "listing",
    "job_listing",
    "bucket_listing",
}


def modules(*packages: str) -> list[str]:
    """Return the path of every module of some packages, or of all, relative to the root."""
    found = [path for package in packages or PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def imports(package: str) -> dict[str, set[str]]:
    """Return the top-level packages and libraries that each module of a package imports."""
    return {module: {name.partition(".")[0] for name in imported_names(ROOT / module)} for module in modules(package)}


@pytest.mark.parametrize("package", PRODUCT)
def test_no_package_imports_what_it_must_not_know(package: str) -> None:
    """Packages import in one direction."""
    found = {module: tops & FORBIDDEN[package] for module, tops in imports(package).items() if module != COMMAND_ROOT}
    assert {module: tops for module, tops in found.items() if tops} == {}


@pytest.mark.parametrize("package", PRODUCT)
def test_each_library_is_imported_in_one_place(package: str) -> None:
    """boto3 stays in shared/aws and in the tooling, Pillow in worker/imaging."""
    for module, tops in imports(package).items():
        for library, folders in ONLY_IN.items():
            assert library not in tops or module.startswith(folders), f"{module} imports {library}"


@pytest.mark.parametrize("package", PRODUCT)
def test_no_import_cycle(package: str) -> None:
    """Neither between modules nor between the direct parts of a package."""
    assert read_graph(package).cycles() == []


@pytest.mark.parametrize("package", LAYERS)
def test_imports_follow_the_layers(package: str) -> None:
    """A module imports from its own layer and from those below; each part of a package has a layer."""
    assert read_graph(package).against_direction() == []


def test_a_cycle_is_found() -> None:
    """The search for cycles can fail."""
    assert find_cycle({"a": ["b"], "b": ["a"]})
    assert not find_cycle({"a": ["b"], "b": []})


@pytest.mark.parametrize("package", PRODUCT)
def test_no_folder_has_too_many_modules(package: str) -> None:
    """A reader takes in a folder at a glance."""
    assert {folder: count for folder, count in read_graph(package).folders().items() if count > MOST_MODULES} == {}


def test_module_names_are_nouns() -> None:
    """No gerund, and no word that fits everything."""
    for module in modules():
        path = Path(module)
        for name in (path.stem, *path.parent.parts):
            assert not name.endswith("ing") or name in GERUNDS, f"{module}: a gerund does not say what it holds"
            assert name not in {"utils", "util", "helpers", "helper", "common", "base", "misc"}, module


def test_imaging_knows_neither_aws_nor_settings() -> None:
    """Of ours, it imports pure values only: pipelines and errors.

    The API predicts with the same values what the worker does, so both must use the same ones.
    """
    for module in modules("worker/imaging"):
        ours = {name for name in imported_names(ROOT / module) if name.startswith(("shared.", "worker."))}
        other = {name for name in ours if not name.startswith(("shared.pipeline", "shared.errors", "worker.imaging"))}
        assert not other, module


@pytest.mark.parametrize("package", ["api", "worker", "notifier", "shared"])
def test_only_composition_roots_read_the_environment(package: str) -> None:
    """Settings are read in one place per function, so every other module can be imported without preparation."""
    reads = re.compile(r"\b(environ|getenv|getenvb)\b")
    found = [module for module in modules(package) if reads.search((ROOT / module).read_text("utf-8"))]
    assert set(found) <= set(COMPOSITION_ROOTS)


@pytest.mark.parametrize("package", ["api", "worker", "notifier", "shared"])
def test_no_engine_is_special(package: str) -> None:
    """The product is AWS: nothing that runs in a function names an emulator."""
    for module in modules(package):
        text = (ROOT / module).read_text("utf-8").lower()
        assert "ministack" not in text, module
        assert "localstack" not in text, module


def test_versions_agree() -> None:
    """The API, the client and the project have the same version."""
    import safelight  # noqa: PLC0415 - the rest of this file reads the code as text
    from shared.version import VERSION  # noqa: PLC0415 - as above

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION == safelight.__version__
