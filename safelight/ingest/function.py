"""An ingest as one call, for programs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safelight.client import Safelight
from safelight.ingest.checkpoint.database import opened
from safelight.ingest.engine import run
from safelight.ingest.options import IngestOrder
from safelight.ingest.progress import Tally
from safelight.ingest.sources import Search


def ingest(  # noqa: PLR0913 - what an ingest can be told
    client: Safelight,
    sources: Sequence[str],
    checkpoint: Path,
    *,
    out: Path | None,
    manifests: Sequence[Path],
    options: Mapping[str, Any],
    name: str | None,
    concurrency: int | None,
    report: Callable[[Tally], None] | None,
) -> Tally:
    """Do what :meth:`client.Safelight.ingest` says."""
    order = IngestOrder(
        sources=tuple(sources),
        manifests=tuple(manifests),
        options=options,
        search=Search(avoid=() if out is None else (out.absolute(),)),
        out=out,
        name=name,
        concurrency=concurrency,
    )
    with opened(checkpoint) as state:
        return run(client, state, order, report=report or _say_nothing)


def _say_nothing(_tally: Tally) -> None:
    """Leave the counts to the end."""
