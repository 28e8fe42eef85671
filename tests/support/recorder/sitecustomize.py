"""Record the decisions of the engine's IAM: caller, action, resource and statement.

Python imports a module of this name at startup. tests/support/recorded_calls.py adds this folder to the path of the
embedded engine. Each decision is recorded once.
"""

import json
import os
from pathlib import Path
from typing import Any


def record(path: Path) -> None:
    """Append a JSON line for each new decision: (caller, action, resource, decision, Sid)."""
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
    os.environ.pop("PYTHONPATH")  # functions inherit the environment and must not record
    record(Path(os.environ.pop("CALLS_FILE")))
