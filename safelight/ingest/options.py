"""What is asked of an ingest, as one value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.ingest.entries import S3
from safelight.ingest.sources import STANDARD_INPUT, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOrder:
    """Sources, what is to be done with what they name, and where results go."""

    sources: tuple[str, ...] = ()
    manifests: tuple[Path, ...] = ()
    #: For every file that has none of its own: ``pipeline``, ``preset`` or the short ones.
    options: Mapping[str, Any] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    #: Folder for results; None: they stay where they are.
    out: Path | None = None
    #: Of the batch.
    name: str | None = None
    #: Requests at once; None: as many as go well.
    concurrency: int | None = None
    #: Seconds without a single success, after which a server that is in trouble is given up.
    patience: float = 120.0

    def described(self, api_url: str) -> Mapping[str, Any]:
        """Return what makes two commands the same one, which share a checkpoint.

        Neither the folder for results nor the pace is part of it.
        """
        return {
            "api_url": api_url,
            "sources": [each if _is_no_path(each) else os.path.abspath(each) for each in self.sources],  # noqa: PTH100
            "manifests": [str(each.absolute()) for each in self.manifests],
            "options": dict(self.options),
            "patterns": list(self.search.patterns),
        }


def _is_no_path(source: str) -> bool:
    return source == STANDARD_INPUT or source.startswith(S3)
