"""Values as JSON, for machines: what each command prints with ``--json``."""

import json
from collections.abc import Sequence
from typing import Any

import typer

from safelight.cli.submission import Outcome, summary
from safelight.errors import ApiError, ClientError


def print_document(document: object) -> None:
    """Print one JSON document. ASCII alone, so that no terminal's encoding can spoil it."""
    typer.echo(json.dumps(document, indent=2))


def error_document(error: ClientError) -> dict[str, Any]:
    """Return an error's facts: ``code`` and ``message`` always, the API's own facts where it answered."""
    document: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, ApiError):
        document |= {
            "status": error.status,
            "retriable": error.retriable,
            "request_id": error.request_id,
            "errors": [{"pointer": each.pointer, "detail": each.detail} for each in error.pointers],
        }
    return document


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Return how one file fared."""
    return {
        "file": str(outcome.file),
        "ok": outcome.ok,
        "job": outcome.job.document() if outcome.job else None,
        "saved": [str(path) for path in outcome.saved],
        "error": error_document(outcome.error) if outcome.error else None,
    }


def outcomes_document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return how all files fared, with counts."""
    well, badly = summary(outcomes)
    return {"succeeded": well, "failed": badly, "files": [outcome_document(each) for each in outcomes]}
