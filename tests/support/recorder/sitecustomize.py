"""Notes what the engine's IAM decides: whose call, which action on what, by which statement.

Python imports a module of this name at start-up. tests/support/recorded_calls.py puts this folder on the path of the
embedded engine, so that the engine and the functions run as they always do. Each decision is noted once.
"""

import json
import os
from pathlib import Path
from typing import Any


def record(path: Path) -> None:
    """Write a JSON line for each decision that differs from those before: (caller, action, resource, decision, Sid)."""
    from ministack.core import iam_evaluator  # type: ignore[import-untyped]  # noqa: PLC0415 - only in the engine

    decide = iam_evaluator.evaluate
    known: set[tuple[str, ...]] = set()
    lines = path.open("a", buffering=1, encoding="utf-8")

    def evaluate(context: Any, *policies: Any) -> Any:
        result = decide(context, *policies)
        line = (context.principal_arn, context.action, context.resource_arn, result.decision, result.matched_sid)
        if line not in known:
            known.add(line)
            lines.write(json.dumps(line) + "\n")
        return result

    iam_evaluator.evaluate = evaluate


if "CALLS_FILE" in os.environ:
    os.environ.pop("PYTHONPATH")  # the functions inherit the engine's environment, and are none of ours
    record(Path(os.environ.pop("CALLS_FILE")))
