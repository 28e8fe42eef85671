"""Write MiniStack's state from a forked child, which nobody else changes."""

# ruff: noqa: SLF001 - calls a private function of an untyped module

import copy
import importlib
import json
from typing import IO, Any


def save_all() -> None:
    """Write the state of all services. Call it only in a child: it changes functions of the standard library.

    The child needs no copies, and it has no other threads that a fast encoder could block.
    """
    copy.deepcopy = _return_itself  # type: ignore[assignment] # wider types
    # The module has a copy function of its own (``cached_expressions``).
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    dynamodb.copy = copy
    json.dump = _dump  # type: ignore[assignment] # the same
    application: Any = importlib.import_module("ministack.app")
    persistence: Any = importlib.import_module("ministack.core.persistence")
    persistence.save_all(application._build_persistence_save_dict())


def _return_itself(value: Any, memo: object = None) -> Any:  # noqa: ANN401, ARG001 - the signature of deepcopy
    return value


def _dump(data: object, file: IO[str], **options: Any) -> None:  # noqa: ANN401 - the options of json
    file.write(json.dumps(data, **options))
