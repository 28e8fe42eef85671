"""Bytecode in the full zips."""

from pathlib import Path

import pytest

from infra.deployment import bytecode, packaging, wheels

VERSION = wheels.PYTHON_VERSION
#: Value of a bytecode file's second word: checked against nothing (PEP 552).
UNCHECKED = (1).to_bytes(4, "little")
needs_python = pytest.mark.skipif(bytecode.find_python(VERSION) is None, reason=f"no Python {VERSION} on this machine")


def _own_code() -> dict[str, Path]:
    return packaging.find_own_code("worker")


@needs_python
def test_every_module_has_bytecode_that_is_not_checked(tmp_path: Path) -> None:
    """Under the name that Python looks for, without a time stamp."""
    compiled = bytecode.compile_modules(_own_code(), tmp_path, VERSION)
    assert "worker/__pycache__/app.cpython-313.pyc" in compiled
    assert len(compiled) == len([name for name in _own_code() if name.endswith(".py")])
    assert {path.read_bytes()[4:8] for path in compiled.values()} == {UNCHECKED}


@pytest.mark.thorough
@needs_python
def test_bytecode_is_reproducible(tmp_path: Path) -> None:
    """Neither the folder, nor the cache, nor the other modules change the bytes."""
    code = _own_code()
    whole = bytecode.compile_modules(code, tmp_path / "whole", VERSION)
    parts: dict[str, Path] = {}
    for name in sorted(code, reverse=True)[:20]:
        parts |= bytecode.compile_modules({name: code[name]}, tmp_path / "parts", VERSION)
    assert parts
    assert {name: path.read_bytes() for name, path in parts.items()} == {
        name: whole[name].read_bytes() for name in parts
    }


@needs_python
def test_modules_of_another_python_are_left_out(tmp_path: Path) -> None:
    """A file that does not compile is shipped as source only."""
    old = tmp_path / "old.py"
    old.write_text("print 'old'\n", encoding="utf-8")
    assert bytecode.compile_modules({"old.py": old}, tmp_path / "cache", VERSION) == {}


def test_without_the_python_of_lambda_there_is_no_bytecode(tmp_path: Path) -> None:
    """Bytecode of another version would never be loaded."""
    assert bytecode.find_python("2.99") is None
    assert bytecode.compile_modules(_own_code(), tmp_path, "2.99") == {}
