"""Output with ``--json``."""

import json
from collections.abc import Sequence
from typing import Any

import typer

from safelight.cli.submission import Outcome, count_outcomes
from safelight.errors import ApiError, ClientError


def print_document(document: object) -> None:
    """Print one JSON document, in ASCII: the terminal's encoding may lack other characters."""
    typer.echo(json.dumps(document, indent=2))


def describe_error(error: ClientError) -> dict[str, Any]:
    """Return ``code`` and ``message`` of an error, and all fields of an API error."""
    document: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, ApiError):
        document |= {
            "status": error.status,
            "retriable": error.retriable,
            "request_id": error.request_id,
            "errors": [{"pointer": each.pointer, "detail": each.detail} for each in error.pointers],
        }
    return document


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of one file."""
    return {
        "file": str(outcome.file),
        "ok": outcome.ok,
        "job": outcome.job.document() if outcome.job else None,
        "saved": [str(path) for path in outcome.saved],
        "error": describe_error(outcome.error) if outcome.error else None,
    }


def describe_outcomes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return all outcomes, with counts."""
    succeeded, failed = count_outcomes(outcomes)
    return {"succeeded": succeeded, "failed": failed, "files": [describe_outcome(each) for each in outcomes]}
