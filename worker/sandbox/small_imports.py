"""A placeholder for a module that a child does not need. Import this module before pydantic.

pydantic imports ``importlib.metadata`` to find plug-ins, which ``process`` disables. The module imports ``email``,
``zipfile`` and other modules, which take 1 MiB of memory and an eighth of the start time of a child.
"""

import sys
from types import ModuleType


class _NoPackages(ModuleType):
    """Looks like ``importlib.metadata`` without any installed package."""

    @staticmethod
    def distributions() -> tuple[()]:
        """Return no package."""
        return ()


sys.modules.setdefault("importlib.metadata", _NoPackages("importlib.metadata"))
