"""The packages of the stack, which some commands import: ``infra``, ``worker`` and what they use.

In a checkout, Python finds them beside ``safelight``. A wheel has them as data in ``safelight/_stack``, so that
installing it adds no other top-level package to an environment.
"""

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "_stack"
#: What a user runs to install the dependencies of these packages.
INSTALL = 'pip install "safelight[local]"'
#: A package that only the extra ``local`` installs.
_OF_EXTRA = "ministack"


def make_importable(folder: Path = FOLDER) -> None:
    """Let this process import the packages of the stack. Packages of the current folder do not replace them.

    Only the command calls this. Programs that use the client do not see these packages.
    """
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def is_usable() -> bool:
    """Return True if the packages of the stack and their dependencies are installed."""
    make_importable()
    return all(importlib.util.find_spec(name) is not None for name in ("infra", _OF_EXTRA))
