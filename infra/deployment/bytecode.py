"""Compile the modules of a full zip for Lambda's Python.

`/var/task` is read-only, so a function without bytecode compiles every module at every cold start. The files state that
Python must not compare them with the source (PEP 552). The same source and Python version result in the same bytes.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from infra.errors import SetupError

#: Folder of a function's code on Lambda, as tracebacks show it.
_TASK_ROOT = "/var/task"
_COMPILE = """
import json, py_compile, sys
for source, target, shown in json.load(sys.stdin):
    try:
        py_compile.compile(
            source, target, shown, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
    except py_compile.PyCompileError:
        pass  # a template or an example of another Python version
"""


@cache
def find_python(version: str) -> str | None:
    """Return a Python interpreter of this version (such as ``3.13``), or None if none is installed."""
    name = f"python{version}"
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"), reverse=True)
    for candidate in (sys.executable, shutil.which(name), *map(str, installed)):
        if candidate and _version_of(candidate).startswith(f"{version}."):
            return candidate
    return None


def compile_modules(files: Mapping[str, Path], cache_folder: Path, version: str) -> dict[str, Path]:
    """Return the bytecode of all modules by the name that Python expects in the zip, from the cache if possible.

    The result is empty if there is no Python of this version. Raises SetupError if the compiler fails.
    """
    python = find_python(version)
    if python is None:
        return {}
    store = cache_folder / f"bytecode-{_version_of(python)}"
    store.mkdir(parents=True, exist_ok=True)
    tag = f"cpython-{version.replace('.', '')}"
    wanted = {name: store / f"{_digest(name, path)}.pyc" for name, path in files.items() if name.endswith(".py")}
    missing = sorted(name for name, target in wanted.items() if not target.exists())
    if missing:
        with TemporaryDirectory(dir=store) as scratch:
            _run(python, [(str(files[name]), str(Path(scratch, wanted[name].name)), name) for name in missing])
            for compiled in Path(scratch).iterdir():
                compiled.replace(store / compiled.name)
    return {_cached_name(name, tag): target for name, target in wanted.items() if target.exists()}


def _cached_name(name: str, tag: str) -> str:
    module = PurePosixPath(name)
    return str(module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc")


def _digest(name: str, path: Path) -> str:
    return hashlib.sha256(name.encode() + b"\0" + path.read_bytes()).hexdigest()[:40]


def _run(python: str, jobs: list[tuple[str, str, str]]) -> None:
    lines = json.dumps([(source, target, f"{_TASK_ROOT}/{name}") for source, target, name in jobs])
    command = [python, "-I", "-B", "-W", "ignore", "-c", _COMPILE]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{python} could not compile the modules: {done.stderr.strip().splitlines()[-1]}")


@cache
def _version_of(python: str) -> str:
    """Return the version of an interpreter; empty if it does not start, like a shim of pyenv."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
