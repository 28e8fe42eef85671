"""A function that also reports what it has imported: a handler around that of ``PROBED_HANDLER``."""

# mypy: ignore-errors
import os
import sys
from importlib import import_module
from pathlib import Path

_module, _, _name = os.environ["PROBED_HANDLER"].rpartition(".")
_probed = getattr(import_module(_module), _name)
_root_module, _, _root_name = os.environ["PROBED_ROOT"].rpartition(".")
_IS_BUILT = getattr(import_module(_root_module), _root_name).cache_info().currsize == 1
_LOADED = frozenset(sys.modules)


def handler(event, context):
    """Return the facts for the event ``facts``, and else the probed handler's response."""
    if event != "facts":
        return _probed(event, context)
    ours = {name: module for name, module in sys.modules.items() if _file(module).startswith("/var/task/")}
    return {
        "is_built": _IS_BUILT,
        "count": len(ours),
        "imported_later": sorted(set(ours) - _LOADED),
        "without_bytecode": sorted(name for name, module in ours.items() if _has_no_bytecode(module)),
    }


def _file(module):
    return getattr(module, "__file__", None) or ""


def _has_no_bytecode(module):
    """Return True if Python has compiled the module at this start, because its folder is read-only."""
    return _file(module).endswith(".py") and not Path(getattr(module, "__cached__", None) or "").exists()
