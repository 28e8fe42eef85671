"""Expressions of DynamoDB that are parsed once, and fast copies of items.

MiniStack parses every expression of every request again, and copies an item up to five times per write with
``copy.deepcopy``. Safelight sends the same few expressions for each job, so their tokens are kept. Copies are made with
``marshal``, which takes an eighth of the time for an item of a job.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import copy
import marshal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

#: Expressions that are kept. Each takes a few kilobytes.
EXPRESSIONS: Final = 512


def install(dynamodb: Any) -> None:
    """Patch ``ministack.services.dynamodb``."""
    parse = lru_cache(EXPRESSIONS)(dynamodb._tokenize)

    def tokenize(expression: Any) -> Any:
        # A list of its own for each caller.
        return parse(expression).copy() if type(expression) is str else parse.__wrapped__(expression)

    dynamodb._tokenize = tokenize
    # The check depends on its arguments only. An error that it raises is not kept.
    dynamodb._condition_syntax_error = lru_cache(EXPRESSIONS)(dynamodb._condition_syntax_error)
    dynamodb.copy = SimpleNamespace(deepcopy=copy_value)


def copy_value(value: Any) -> Any:
    """Return a deep copy of a value."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - data of this process
    except ValueError:  # not only plain values, for example a Decimal
        return copy.deepcopy(value)
