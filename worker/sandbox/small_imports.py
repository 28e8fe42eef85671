"""A placeholder for a module that a child does not need. Import this module before pydantic.

pydantic imports ``importlib.metadata`` to find plug-ins, which ``process`` disables. The module imports ``email``,
``zipfile`` and other modules, which take 1 MiB of memory and an eighth of the start time of a child.
"""

import os
import sys
from types import ModuleType

if os.environ.get("PYDANTIC_DISABLE_PLUGINS") == "__all__":
    sys.modules.setdefault("importlib.metadata", ModuleType("importlib.metadata"))
