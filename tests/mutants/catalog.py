"""The hand-written mutants: one file per group in ``hand_written``.

An entry has a name (what the mutated code does wrong), the path of a file, a text that occurs once in it, what replaces
the text, and the tests of which at least one must fail.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from mutants.mutant import Mutant

FOLDER: Final = Path(__file__).with_name("hand_written")


@cache
def load_groups() -> Mapping[str, tuple[Mutant, ...]]:
    """Return all mutants by group. Raises TypeError if an entry lacks a key or has an unknown one."""
    return {
        file.stem: tuple(
            Mutant(**{**entry, "tests": tuple(entry["tests"])})
            for entry in tomllib.loads(file.read_text("utf-8"))["mutants"]
        )
        for file in sorted(FOLDER.glob("*.toml"))
    }
