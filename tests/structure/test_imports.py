"""The rooms of the house and the one direction of their imports."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("api", "worker", "notifier", "shared", "infra", "safelight")

#: What a room never imports; see DESIGN's arrows in docs/architecture.md.
NEVER = {
    "shared": {"api", "worker", "notifier", "safelight", "infra"},
    "api": {"worker", "notifier", "safelight", "infra", "PIL"},
    "worker": {"api", "notifier", "safelight", "infra"},
    "notifier": {"api", "worker", "safelight", "infra", "PIL"},
    "safelight": {"api", "worker", "notifier", "shared", "boto3", "botocore", "PIL", "aws_lambda_powertools"},
    "infra": {"api", "worker", "notifier", "safelight", "PIL"},
}
#: Libraries that one place alone knows.
ONLY_THERE = {
    "PIL": ("worker/imaging/",),
    "boto3": ("shared/aws/", "infra/"),
    "botocore": ("shared/aws/", "infra/"),
}
#: Where the environment is read and clients are made.
COMPOSITION_ROOTS = (
    *("api/dependencies.py", "worker/app.py", "worker/dead_letters.py", "worker/reconciler.py"),
    "notifier/app.py",
    "notifier/webhooks.py",
)


def modules(*rooms: str) -> list[str]:
    """Name every module of some rooms, or of all, relative to the root."""
    found = [path for room in rooms or ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def imports(module: str) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", modules())
def test_arrows_point_one_way(module: str) -> None:
    """No module reaches into a room that it must not know. Only the command's root knows the tooling."""
    if module == "safelight/cli/app.py":
        return
    tops = {name.partition(".")[0] for name in imports(module)}
    forbidden = NEVER[module.partition("/")[0]] | ({"infra"} if module.startswith("safelight/") else set())
    assert not tops & forbidden


@pytest.mark.parametrize("module", modules())
def test_a_library_is_known_in_one_place(module: str) -> None:
    """boto3 stays in shared/aws and in the tooling, Pillow in worker/imaging."""
    tops = {name.partition(".")[0] for name in imports(module)}
    for library, places in ONLY_THERE.items():
        assert library not in tops or module.startswith(places), f"{module} imports {library}"


@pytest.mark.parametrize("module", modules("worker/imaging"))
def test_pixels_know_no_aws_and_no_settings(module: str) -> None:
    """The imaging room imports Pillow, and of ours only what describes an image and what is asked of it.

    Sizes, operations and outputs are the parts of a pipeline, pure values without I/O: the API foretells by
    them what the worker does, so both must use the same.
    """
    ours = {name for name in imports(module) if name.startswith(("shared.", "worker."))}
    pure = (
        *("shared.pipeline.pipeline", "shared.pipeline.operations", "shared.pipeline.output"),
        *(
            "shared.pipeline.sizes",
            "shared.pipeline.image_formats",
            "shared.pipeline.limits",
            "shared.pipeline.image_header",
        ),
    )
    allowed = (*pure, "shared.errors", "worker.imaging")
    assert all(name.startswith(allowed) for name in ours), ours


@pytest.mark.parametrize("module", modules("api", "worker", "notifier", "shared"))
def test_only_composition_roots_read_the_environment(module: str) -> None:
    """Settings are read in one place for each function, so every other module can be imported without preparation."""
    text = (ROOT / module).read_text("utf-8")
    reads = [name for name in ("environ", "getenv", "getenvb") if re.search(rf"\b{name}\b", text)]
    assert not reads or module in COMPOSITION_ROOTS


@pytest.mark.parametrize("module", modules("api", "worker", "notifier", "shared"))
def test_no_engine_is_special(module: str) -> None:
    """The product is AWS: nothing that runs in a function knows an emulator by name."""
    text = (ROOT / module).read_text("utf-8").lower()
    assert "ministack" not in text
    assert "localstack" not in text


def test_no_module_is_a_drawer() -> None:
    """A module's name says what it owns."""
    names = {Path(module).stem for module in modules()}
    assert not names & {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def test_versions_agree() -> None:
    """The package and the API tell the same version."""
    from shared.version import VERSION  # noqa: PLC0415 - the rest of this file reads the code as text

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
