"""The import graph of a package: modules per folder, cycles, and imports against the direction.

``python tests/support/import_graph.py [PACKAGE ...]`` prints it. ``tests/structure/test_imports.py`` checks it.
Imports inside functions and under ``TYPE_CHECKING`` count: they couple modules as much as any other.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("api", "worker", "notifier", "shared", "infra", "safelight")
#: Most modules, besides ``__init__``, that lie flat in one folder.
MOST_MODULES = 20
#: Layers of a package, from the top: a module imports from its own layer and from those below.
LAYERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "api": (
        ("app", "walker"),
        ("openapi",),
        ("watches",),
        ("batches", "dead_letters", "plans"),
        ("tokens", "uploads"),
        ("jobs",),
        ("assets", "errors", "presets", "rate_limit", "system", "webhooks"),
        ("dependencies",),
        ("http",),
    ),
    "shared": (
        ("aws",),
        ("settings", "sqs_batch"),
        ("webhooks",),
        ("jobs",),
        ("network", "pipeline"),
        ("clock", "errors", "filenames", "ids", "initialization", "names", "observability", "parallel", "version"),
    ),
    "safelight": (
        ("__main__", "testing"),
        ("cli",),
        ("async_client", "ingest"),
        ("client",),
        (
            *("batches", "downloads", "presets_and_assets", "tokens", "uploads", "watches"),
            *("webhook_settings", "webhooks"),
        ),
        ("part_uploads",),
        ("job_options", "local_images"),
        ("auth", "connection"),
        ("transport",),
        ("models",),
        ("address", "api_options", "errors", "local_files"),
    ),
}


@dataclass(frozen=True, slots=True)
class ImportGraph:
    """A package's modules by dotted name, each with the modules of the package that it imports."""

    package: str
    edges: Mapping[str, frozenset[str]]

    def folders(self) -> Counter[str]:
        """Return the number of modules, without ``__init__``, in each folder."""
        names = (name for name in self.edges if not is_package(name))
        return Counter(name.rpartition(".")[0].replace(".", "/") for name in names)

    def cycles(self) -> list[list[str]]:
        """Return a cycle of modules and a cycle of direct subpackages, if there are any; each as a closed path."""
        return [cycle for graph in (self.edges, self.parts()) if (cycle := find_cycle(graph))]

    def parts(self) -> dict[str, frozenset[str]]:
        """Return the imports between the direct parts of the package: its modules and subpackages."""
        parts: dict[str, set[str]] = {}
        for name, imported in self.edges.items():
            parts.setdefault(part_of(name), set()).update(part_of(each) for each in imported)
        return {part: frozenset(others - {part}) for part, others in parts.items() if part != self.package}

    def against_direction(self) -> list[str]:
        """Return each import from a lower layer to a higher one, and each part that no layer names."""
        levels = {f"{self.package}.{name}": level for level, names in enumerate(LAYERS[self.package]) for name in names}
        parts = self.parts()
        wrong = [
            f"{name} imports {each}"
            for name, imported in self.edges.items()
            for each in imported
            if levels.get(part_of(each), 0) < levels.get(part_of(name), 0)
        ]
        return [*wrong, *(f"{part} is in no layer" for part in parts if part not in levels)]


@cache
def read_graph(package: str, root: Path = ROOT) -> ImportGraph:
    """Read a package's imports from its source."""
    files = {module_name(path, root): path for path in sorted((root / package).rglob("*.py"))}
    edges = {
        name: frozenset(found for each in imported_names(path) if (found := _module(each, files)) and found != name)
        for name, path in files.items()
    }
    return ImportGraph(package, edges)


@cache
def imported_names(path: Path) -> frozenset[str]:
    """Return the dotted names that a file imports, wherever in it. Raises AssertionError for a relative import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def module_name(path: Path, root: Path = ROOT) -> str:
    """Return the dotted name of a module, of a package for its ``__init__``."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def part_of(name: str) -> str:
    """Return the direct part of a package that a module belongs to: ``api.jobs`` of ``api.jobs.routes``."""
    return ".".join(name.split(".")[:2])


def is_package(name: str, root: Path = ROOT) -> bool:
    """Return True if a dotted name is a folder."""
    return (root / name.replace(".", "/")).is_dir()


def find_cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Return one cycle as a closed path; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _module(name: str, files: Mapping[str, Path]) -> str | None:
    """Return the module that an imported name belongs to: the name itself, or what it is taken from."""
    parent = name.rpartition(".")[0]
    return name if name in files else parent if parent in files else None


def main(packages: Iterable[str]) -> None:
    """Print the graphs."""
    for package in packages:
        graph = read_graph(package)
        edges = sum(map(len, graph.edges.values()))
        parts = graph.parts()
        print(f"{package}: {len(graph.edges)} modules, {edges} imports between them")
        print(f"  parts: {len(parts)}, {sum(map(len, parts.values()))} imports between them")
        for folder, count in sorted(graph.folders().items()):
            print(f"  {count:3} modules in {folder}")
        for cycle in graph.cycles():
            print(f"  CYCLE: {' -> '.join(cycle)}")
        for wrong in graph.against_direction() if package in LAYERS else ():
            print(f"  AGAINST THE DIRECTION: {wrong}")


if __name__ == "__main__":
    main(sys.argv[1:] or ("api", "shared", "safelight"))
